"""Preparing goes on where it stopped, loses nothing, and never writes over anything else."""

from __future__ import annotations

import csv
import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cohorts
import numpy as np
import pytest

from mmdx.data.store import prepare
from mmdx.data.store.layout import Layout
from mmdx.data.store.lock import LOCK
from mmdx.data.store.prepare import prepare_store
from mmdx.data.store.recipe import Recipe
from mmdx.data.store.store import Store, is_store
from mmdx.errors import DataError, UsageError
from mmdx.schema import SplitOptions

SCRIPT = """
import os, resource, sys, time
import mmdx.data.store.prepare as prepare
from mmdx.cli import main

seconds, most = float(sys.argv[1]), int(sys.argv[2])
if most:
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
write = prepare._write_for

def slowly(*arguments):
    time.sleep(seconds)
    write(*arguments)
    with open(sys.argv[4] + ".log", "a") as log:
        log.write(f"{int(arguments[1].stem[-5:])}\\n")

os.cpu_count = lambda: 2
prepare.STUDIES_PER_SHARD = 1
prepare._write_for = slowly
"""
ALONE = SCRIPT + 'main(["prepare", "folder", *sys.argv[3:]])'
TOGETHER = (
    SCRIPT
    + """
from pathlib import Path
import cohorts
from rich.console import Console
from mmdx.errors import DataError

try:
    quiet = os.environ["RANK"] != "0"
    split = cohorts.SplitOptions(val=0.2, test=0.2)
    recipe = cohorts.recipe(Path(sys.argv[3]))
    prepare.prepare_store(recipe, Path(sys.argv[4]), split, Console(stderr=True, quiet=quiet))
except DataError as error:
    sys.exit(str(error))
"""
)
STUDIES = 16
SPLIT = SplitOptions(val=0.2, test=0.2)


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    return cohorts.folder_cohort(tmp_path / "raw", studies=STUDIES)


@pytest.fixture
def a_study_a_shard(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the script below does it, in this process and without workers."""
    monkeypatch.setattr(prepare, "STUDIES_PER_SHARD", 1)
    monkeypatch.setattr(os, "cpu_count", lambda: 1)


@contextmanager
def running(script: Path, raw: Path, out: Path, *, shards: int) -> Iterator[subprocess.Popen[str]]:
    """A process that prepares `raw`, slowly, and has written that many shards."""
    script.write_text(ALONE, encoding="utf-8")
    command = [sys.executable, str(script), "0.5", "0", str(raw), str(out), "size=8", "val=0.2", "test=0.2"]
    # A shell may have told its children to ignore Ctrl-C.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    signal.signal(signal.SIGINT, before)
    try:
        while len(list(out.glob("*.arrow"))) < shards:
            assert process.poll() is None, process.communicate()[1]
            time.sleep(0.02)
        yield process
    finally:
        process.kill()
        process.wait()


def rows(store: Store) -> list[dict[str, Any]]:
    """Everything in a store, study by study."""
    everything = []
    for row, name in enumerate(store.study_ids):
        study = store.read(row)
        facts = {"id": name, "patient": store.patient_ids[row], "split": store.splits[row], "traits": study.traits()}
        facts |= {"text": study.text("report"), "labels": store.labels[row].tobytes(), "boxes": study.boxes()}
        everything.append(facts | {"pixels": study.pixels("image").tobytes(), "n": len(study.pixels("image"))})
    return everything


def said(action: Callable[..., Store], recipe: Recipe, place: Path, split: SplitOptions = SPLIT) -> list[str]:
    console, text = cohorts.quiet()
    action(recipe, place, split, console)
    return [line for line in text.getvalue().splitlines() if not line.startswith("kept, but")]  # one grey an image


def said_under(recipe: Recipe, stores: Path) -> list[str]:
    console, text = cohorts.quiet()
    prepare_store(recipe, stores, None, console, under=True)
    return text.getvalue().splitlines()


def quarantine(out: Path) -> dict[str, str]:
    with (out / "quarantine.csv").open(encoding="utf-8", newline="") as file:
        return {row["study_id"]: row["reason"] for row in csv.DictReader(file)}


def leftovers(out: Path) -> list[str]:
    return [path.name for path in out.iterdir() if "partial" in path.name]


def test_a_cohort_becomes_a_store_and_says_so(raw: Path, tmp_path: Path) -> None:
    lines = said(prepare_store, cohorts.recipe(raw), tmp_path / "out")
    assert lines[0] == f"{tmp_path / 'out'}: 16 studies (train 10, val 3, test 3), 0 quarantined"
    assert [line.partition(" (")[0] for line in lines[1:]] == ["findings: bleed"]
    description = json.loads((tmp_path / "out" / "dataset.json").read_text(encoding="utf-8"))
    assert description["studies"] == description["patients"] == 16
    assert description["splits"] == {"train": 10, "val": 3, "test": 3}
    card = (tmp_path / "out" / "card.md").read_text(encoding="utf-8")
    assert "16 studies of 16 patients; 0 quarantined" in card
    assert "| image | images | 16 |" in card
    assert "| report | text | 10 |" in card
    assert "| bleed | " in card
    assert quarantine(tmp_path / "out") == {}
    assert leftovers(tmp_path / "out") == []


def test_the_same_call_finds_it_done(raw: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    said(prepare_store, cohorts.recipe(raw), out)
    before = {path: path.stat().st_mtime_ns for path in out.iterdir()}
    assert said(prepare_store, cohorts.recipe(raw), out) == [f"{out}: up to date, 16 studies, 0 quarantined"]
    assert {path: path.stat().st_mtime_ns for path in out.iterdir()} == before


def test_what_cannot_be_read_is_named_and_counted(raw: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    broken = raw / "02_1.png"
    broken.write_bytes(broken.read_bytes()[:-30])
    (raw / "04_0.png").unlink()
    (raw / "05_0.png").write_text("no image at all", encoding="utf-8")
    lines = said(prepare_store, cohorts.recipe(raw), out)
    reasons = quarantine(out)
    assert list(reasons) == ["s02", "s04", "s05"]
    assert "02_1.png" in reasons["s02"]
    assert "no file '04_0.png'" in reasons["s04"]
    assert "05_0.png: neither DICOM nor an image of a known format" in reasons["s05"]
    assert lines[:3] == [f"quarantined: {name}: {reason}" for name, reason in reasons.items()]
    assert lines[3].startswith(f"{out}: 13 studies (")
    assert lines[3].endswith("3 quarantined")
    store = Store(out)
    assert store.study_ids == [f"s{i:02d}" for i in range(16) if i not in (2, 4, 5)]
    assert store.read(2).pixels("image")[0, 0, 0, 0] == 30  # nothing has moved into the place of another study


def test_images_on_which_nothing_is_seen_are_said_and_counted(raw: Path, tmp_path: Path) -> None:
    out, (console, text) = tmp_path / "out", cohorts.quiet()
    prepare_store(cohorts.recipe(raw), out, SPLIT, console)
    named = {study_id: Store(out).read(row).problems() for row, study_id in enumerate(Store(out).study_ids)}
    assert named["s02"] == ("'image': 3 of 3 images are one grey everywhere (image 0, 1, 2, from 0)",)
    found = [f"kept, but: {study_id}: {problems[0]}" for study_id, problems in named.items() if problems]
    *first, last = text.getvalue().splitlines()[:-2]  # before what was stored
    assert first == found[:5]
    assert last == f"kept, but: {len(found) - 5} more, named in the problems of the studies"
    assert f"; {len(found)} kept with problems named" in (out / "card.md").read_text(encoding="utf-8")


def test_a_shard_that_is_damaged_is_named(raw: Path, tmp_path: Path, a_study_a_shard: None) -> None:
    out = tmp_path / "out"
    said(prepare_store, cohorts.recipe(raw), out)
    (out / "dataset.json").unlink()
    (out / "shard-00001.arrow").write_bytes(b"no arrow stream at all")
    with pytest.raises(DataError, match=r"shard-00001\.arrow: cannot be read .*; remove it and prepare again"):
        said(prepare_store, cohorts.recipe(raw), out)


def test_only_five_are_named_but_all_are_counted(raw: Path, tmp_path: Path) -> None:
    for study in range(7):
        (raw / f"{study:02d}_0.png").write_bytes(b"")
    lines = said(prepare_store, cohorts.recipe(raw), tmp_path / "out")
    assert [line.partition(":")[0] for line in lines[:-2]] == ["quarantined"] * 6
    assert lines[5] == f"quarantined: 2 more; {tmp_path / 'out' / 'quarantine.csv'} names all"
    assert lines[-2].endswith(", 7 quarantined")
    assert len(quarantine(tmp_path / "out")) == 7


def test_a_study_of_another_unit_does_not_stop_the_others(raw: Path, tmp_path: Path) -> None:
    hu = np.zeros((8, 8), dtype=np.int16)
    cohorts.write_ct(raw / "00_0.png", hu, instance=1, study="1.2", series="1.2.1")  # the first study to be read
    lines = said(prepare_store, cohorts.recipe(raw), tmp_path / "out")
    reason = "'image' holds images in Hounsfield units here, but images of plain intensities in the store"
    assert quarantine(tmp_path / "out") == {"s00": f"{reason}; give it another name"}
    assert lines[-2].endswith("1 quarantined")


def test_nothing_that_can_be_read_is_no_store(raw: Path, tmp_path: Path) -> None:
    for path in raw.glob("*.png"):
        path.write_bytes(b"")
    with pytest.raises(
        DataError, match=r"none of 16 studies could be read; quarantine.csv says why: 00_0.png: neither"
    ):
        said(prepare_store, cohorts.recipe(raw), tmp_path / "out")
    assert len(quarantine(tmp_path / "out")) == 16
    assert not is_store(tmp_path / "out")


def test_killed_and_run_again_it_is_the_same_store(raw: Path, tmp_path: Path, a_study_a_shard: None) -> None:
    (raw / "09_0.png").write_bytes(b"")
    out, whole = tmp_path / "out", tmp_path / "whole"
    with running(tmp_path / "slow.py", raw, out, shards=3) as process:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    kept = len(list(out.glob("*.arrow")))
    assert 3 <= kept < STUDIES
    assert not is_store(out)
    (out / "shard-00015.1.partial").write_bytes(b"half a shard")
    lines = said(prepare_store, cohorts.recipe(raw), out)
    assert lines[0].startswith(f"{out}: going on after ")
    said(prepare_store, cohorts.recipe(raw), whole)
    assert rows(Store(out)) == rows(Store(whole))
    assert len(Store(out)) == STUDIES - 1
    assert quarantine(out) == quarantine(whole)
    assert leftovers(out) == []


@contextmanager
def launched(
    script: Path, raw: Path, out: Path, *, world: int = 2, port: int = 1, seconds: float = 0.3
) -> Iterator[list[subprocess.Popen[str]]]:
    """The processes of one launch, as a launcher would start them, each writing slowly."""
    script.write_text(TOGETHER, encoding="utf-8")
    command = [sys.executable, str(script), str(seconds), "0", str(raw), str(out)]
    group = {"WORLD_SIZE": str(world), "LOCAL_WORLD_SIZE": str(world), "MASTER_ADDR": "", "MASTER_PORT": str(port)}
    group["PYTHONPATH"] = os.pathsep.join([str(Path(cohorts.__file__).parent), *sys.path])
    started = [
        subprocess.Popen(
            command,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | group | {"RANK": str(rank)},
            start_new_session=True,
        )
        for rank in range(world)
    ]
    try:
        yield started
    finally:
        for process in started:
            process.kill()
            process.communicate()


def written_by(out: Path, count: int) -> None:
    deadline = time.monotonic() + 60
    while len(list(out.glob("*.arrow"))) < count:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_processes_of_one_launch_share_the_shards(raw: Path, tmp_path: Path, a_study_a_shard: None) -> None:
    (raw / "09_0.png").write_bytes(b"")
    out, whole = tmp_path / "out", tmp_path / "whole"
    with launched(tmp_path / "slow.py", raw, out) as started:
        errors = [process.communicate(timeout=120)[1] for process in started]
    assert [process.returncode for process in started] == [0, 0], errors
    # Each had its half, and the main one alone spoke.
    assert sorted(int(line) for line in (tmp_path / "out.log").read_text().split()) == list(range(STUDIES))
    assert errors[0].splitlines()[-2].startswith(f"{out}: 15 studies (")
    assert errors[1] == ""
    said(prepare_store, cohorts.recipe(raw), whole)
    assert rows(Store(out)) == rows(Store(whole))
    assert quarantine(out) == quarantine(whole)
    assert leftovers(out) == []


@pytest.mark.parametrize("victim", [0, 1])
def test_one_of_several_is_killed_and_the_same_launch_goes_on(
    raw: Path, tmp_path: Path, a_study_a_shard: None, victim: int
) -> None:
    out, whole = tmp_path / "out", tmp_path / "whole"
    with launched(tmp_path / "slow.py", raw, out) as started:
        written_by(out, 3)
        os.kill(started[victim].pid, signal.SIGKILL)
        started[victim].wait()
        # As a launcher does, once one is gone.
        started[1 - victim].terminate()
        started[1 - victim].wait()
    assert not is_store(out)
    with launched(tmp_path / "slow.py", raw, out) as started:
        assert [process.wait(timeout=120) for process in started] == [0, 0]
    said(prepare_store, cohorts.recipe(raw), whole)
    assert rows(Store(out)) == rows(Store(whole))
    assert leftovers(out) == []


def test_another_launch_is_refused_while_one_is_at_work(raw: Path, tmp_path: Path, a_study_a_shard: None) -> None:
    out = tmp_path / "out"
    with launched(tmp_path / "slow.py", raw, out, seconds=30) as started:
        while not (out / LOCK).is_file() or not (out / LOCK).read_text():
            assert [process.poll() for process in started] == [None, None]
            time.sleep(0.02)
        with launched(tmp_path / "other.py", raw, out, port=2) as others:
            refused = [process.communicate(timeout=120)[1] for process in others]
        with pytest.raises(DataError, match="another process is preparing this store"):
            said(prepare_store, cohorts.recipe(raw), out)
    assert refused == [f"{out}: another process is preparing this store; wait for it to end\n"] * 2
    said(prepare_store, cohorts.recipe(raw), out)
    assert Store(out).study_ids == [f"s{i:02d}" for i in range(STUDIES)]


def test_a_shard_of_other_studies_is_written_anew(raw: Path, tmp_path: Path, a_study_a_shard: None) -> None:
    out = tmp_path / "out"
    said(prepare_store, cohorts.recipe(raw), out)
    before = rows(Store(out))
    (out / "dataset.json").unlink()
    for suffix in (".arrow", ".json"):  # as if another version of the reader had begun
        (out / f"shard-00001{suffix}").write_bytes((out / f"shard-00002{suffix}").read_bytes())
    assert said(prepare_store, cohorts.recipe(raw), out)[0] == f"{out}: going on after 15 of 16 shards"
    assert rows(Store(out)) == before


def test_a_shard_that_lost_a_study_is_no_store(raw: Path, tmp_path: Path, a_study_a_shard: None) -> None:
    out = tmp_path / "out"
    said(prepare_store, cohorts.recipe(raw), out)
    (out / "dataset.json").unlink()
    (out / "shard-00001.arrow").write_bytes((out / "shard-00002.arrow").read_bytes())
    with pytest.raises(DataError, match="its shards hold other studies than its source"):
        said(prepare_store, cohorts.recipe(raw), out)
    assert not is_store(out)


@pytest.mark.parametrize(
    ("limits", "shards"),
    [
        ({}, 16),
        ({"SHARDS": 4}, 4),
        ({"SHARDS": 2, "STUDIES_PER_SHARD": 6}, 3),
        # Four images; the studies have 1, 2, 3, 1, 2, 3 …
        ({"SHARDS": 1, "BYTES_PER_SHARD": 4 * 8 * 8}, 10),
    ],
)
def test_shards_are_small_in_small_cohorts_and_hold_few_large_studies(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limits: dict[str, int], shards: int
) -> None:
    for name, value in limits.items():
        monkeypatch.setattr(prepare, name, value)
    said(prepare_store, cohorts.recipe(raw), tmp_path / "out")
    store = Store(tmp_path / "out")
    assert store.description["shards"] == shards
    assert store.study_ids == [f"s{i:02d}" for i in range(STUDIES)]
    assert store.lengths("image").tolist() == [1 + i % 3 for i in range(STUDIES)]


def test_a_worker_takes_no_more_from_a_run_that_is_gone(tmp_path: Path) -> None:
    stranger = 0  # no process that a test runs in has this number
    with pytest.raises(SystemExit):
        prepare._write_for(stranger, tmp_path / "s.arrow", [], Layout({}, (), 8), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_stopped_by_ctrl_c_it_says_so_and_goes_on(raw: Path, tmp_path: Path, a_study_a_shard: None) -> None:
    out = tmp_path / "out"
    with running(tmp_path / "slow.py", raw, out, shards=2) as process:
        with pytest.raises(DataError, match="another process is preparing this store"):
            said(prepare_store, cohorts.recipe(raw), out)
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert len(errors.splitlines()) == 1
    assert errors.startswith("mmdx: stopped; nothing finished is lost")
    assert leftovers(out) == []
    said(prepare_store, cohorts.recipe(raw), out)
    assert Store(out).study_ids == [f"s{i:02d}" for i in range(STUDIES)]


def test_a_file_that_may_not_grow_is_one_line_and_loses_no_shard(
    raw: Path, tmp_path: Path, a_study_a_shard: None
) -> None:
    script, out = tmp_path / "small.py", tmp_path / "out"
    script.write_text(ALONE, encoding="utf-8")
    # 80 pixels square: a study of three images takes 19200 bytes and more.
    command = [sys.executable, str(script), "0", "16000", str(raw), str(out), "size=80"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == (
        f"mmdx: {out}: a file is larger than may be written there; "
        "make room and run the same command again: it goes on\n"
    )
    assert 0 < len(list(out.glob("*.arrow"))) < STUDIES
    said(prepare_store, cohorts.recipe(raw, size=80), out, SplitOptions())
    assert len(Store(out)) == STUDIES


def test_a_full_disk_is_one_line_and_loses_no_shard(
    raw: Path, tmp_path: Path, a_study_a_shard: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, write = tmp_path / "out", prepare.write_shard

    def fills_up(path: Path, *arguments: Any, **options: Any) -> Any:
        if path.name == "shard-00003.arrow":
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, *arguments, **options)

    monkeypatch.setattr(prepare, "write_shard", fills_up)
    with pytest.raises(DataError, match=r"out: the disk is full; make room and run the same command again: it goes on"):
        said(prepare_store, cohorts.recipe(raw), out)
    assert len(list(out.glob("*.arrow"))) == 3
    monkeypatch.setattr(prepare, "write_shard", write)
    assert said(prepare_store, cohorts.recipe(raw), out)[0] == f"{out}: going on after 3 of 16 shards"


def test_a_folder_with_a_claim_of_something_else_is_left_alone(raw: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "progress.json").write_text("{", encoding="utf-8")
    with pytest.raises(DataError, match="holds a store of other files or options"):
        said(prepare_store, cohorts.recipe(raw), tmp_path / "out")


@pytest.mark.parametrize("change", ["size", "option", "source"])
def test_another_recipe_does_not_replace_a_store(raw: Path, tmp_path: Path, change: str) -> None:
    out = tmp_path / "out"
    said(prepare_store, cohorts.recipe(raw), out)
    before = rows(Store(out))
    if change == "source":
        cohorts.write_png(raw / "02_1.png", 99)
        os.utime(raw / "02_1.png", ns=(1, 1))
    other = {"size": {"size": 16}, "option": {"modality": "xray"}, "source": {}}[change]
    differs = {"size": "size is 8 there and 16 here", "option": "reader.modality is image there and xray here"}
    named = differs.get(change, "the files in .* are others now")
    with pytest.raises(DataError, match=f"holds a store of other files or options: {named}; ask for the same, prepare"):
        said(prepare_store, cohorts.recipe(raw, **other), out)
    assert rows(Store(out)) == before


def test_another_split_is_not_silently_the_old_one(raw: Path, tmp_path: Path) -> None:
    said(prepare_store, cohorts.recipe(raw), tmp_path / "out")
    with pytest.raises(DataError, match=r"dealt otherwise \(val 0.2, test 0.2, seed 0\); prepare into another folder"):
        said(prepare_store, cohorts.recipe(raw), tmp_path / "out", SplitOptions(val=0.3, test=0.2))


def test_a_folder_in_use_is_left_alone(raw: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter1.tex").touch()
    for out in (tmp_path / "thesis", tmp_path / "thesis" / "chapter1.tex"):
        with pytest.raises(DataError, match="in use by something that is not a store"):
            said(prepare_store, cohorts.recipe(raw), out)
    assert [path.name for path in (tmp_path / "thesis").iterdir()] == ["chapter1.tex"]


def test_an_empty_folder_and_one_locked_by_a_killed_run_are_taken(raw: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "progress.json.77.partial").touch()
    said(prepare_store, cohorts.recipe(raw), out)
    assert len(Store(out)) == STUDIES
    assert leftovers(out) == []


def test_a_place_that_cannot_be_written(raw: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"file/out: cannot be written \(Not a directory\); choose another folder"):
        said(prepare_store, cohorts.recipe(raw), tmp_path / "file" / "out")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission(raw: Path, tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(UsageError, match=r"cannot be written \(Permission denied\)"):
        said(prepare_store, cohorts.recipe(raw), tmp_path / "locked" / "out")


def test_a_store_within_its_own_source_is_refused(raw: Path) -> None:
    with pytest.raises(UsageError, match="lies within the raw files"):
        said(prepare_store, cohorts.recipe(raw), raw / "out")
    with pytest.raises(UsageError, match="lies within the raw files"):
        said_under(cohorts.recipe(raw), raw / "out")
    assert not (raw / "out").exists()


def test_a_config_takes_a_finished_store_as_it_was_dealt(raw: Path, tmp_path: Path) -> None:
    said(prepare_store, cohorts.recipe(raw), tmp_path / "out")
    console, text = cohorts.quiet()
    store = prepare_store(cohorts.recipe(raw), tmp_path / "out", None, console)
    assert store.dealt == SPLIT.model_dump()
    assert "up to date" in text.getvalue()


def test_one_writer_at_a_time(raw: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with (tmp_path / "out" / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(DataError, match="another process is preparing this store; wait for it to end"):
            said(prepare_store, cohorts.recipe(raw), tmp_path / "out")
    said(prepare_store, cohorts.recipe(raw), tmp_path / "out")
    assert is_store(tmp_path / "out")


def test_a_split_that_cannot_be_dealt_shows_before_any_pixel(tmp_path: Path) -> None:
    raw = cohorts.folder_cohort(tmp_path / "raw", studies=2)
    with pytest.raises(DataError, match="no patient in"):
        said(prepare_store, cohorts.recipe(raw), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_under_a_folder_of_stores_each_recipe_has_its_own(raw: Path, tmp_path: Path) -> None:
    stores = tmp_path / "stores"
    for size in (8, 16, 8):
        said_under(cohorts.recipe(raw, size=size), stores)
    small, large = sorted((Store(folder) for folder in stores.iterdir()), key=lambda store: store.layout.size)
    assert (small.layout.size, large.layout.size) == (8, 16)
    assert small.folder.name == f"folder-{cohorts.recipe(raw).fingerprint()[:12]}"


def test_a_reader_that_writes_its_source_is_prepared_once(tmp_path: Path) -> None:
    recipe = cohorts.recipe(tmp_path / "raw", reader="phantom", size=16, patients=6, matrix=64)
    stored, findings = said_under(recipe, tmp_path / "stores")
    assert ": 6 studies (" in stored
    assert findings.startswith("findings: epidural (1: ")
    assert said_under(recipe, tmp_path / "stores") == []
    assert len(list((tmp_path / "stores").iterdir())) == 1


def test_an_out_folder_with_brackets_in_its_name_is_told_as_it_is(raw: Path, tmp_path: Path) -> None:
    out = tmp_path / "[bold]store[/bold]"
    assert said(prepare_store, cohorts.recipe(raw), out)[0].startswith(f"{out}: 16 studies")
