"""An ablation as it runs: who trains what, what is found trained, what failed, and what is left in the end."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import joblib
import pytest
from rich.console import Console
from tiny import write_cohort, write_config

from mmdx import cli
from mmdx.config_file import read_config
from mmdx.data.store.lock import hold
from mmdx.engine.assembly.resolve import resolve
from mmdx.engine.experiments.ablation import ablate as ablation
from mmdx.engine.experiments.ablation.plan import Extent
from mmdx.engine.experiments.ablation.processes import Launch
from mmdx.terminal.ablation import show_ablation, watched

TESTS = Path(__file__).parents[3]
FAKE = f"{sys.executable} {TESTS / 'fake_training.py'}"


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A config without a run folder of its own, and its store, in one folder."""
    home = tmp_path_factory.mktemp("ablate")
    config = write_config(home / "tiny.yaml", write_cohort(home / "raw"), epochs=1)
    config.write_text(config.read_text().replace(f"run: {home / 'run'}\n", ""))
    return config


@pytest.fixture(autouse=True)
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What trainings that are no trainings are told; their starts are in the file."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(TESTS.parent), str(TESTS)]))
    monkeypatch.setenv("FAKE_STARTED", str(tmp_path / "started"))
    monkeypatch.setenv("COLUMNS", "80")
    return tmp_path / "started"


def words(cohort: Path, out: Path, *more: str) -> list[str]:
    seeds = [] if "--seeds" in more else ["--seeds", "1"]
    return ["ablate", str(cohort), "--fusion", "concat", "--out", str(out), *seeds, *more]


def ablate(cohort: Path, out: Path, *more: str) -> int:
    with pytest.raises(SystemExit) as ended:
        cli.main(words(cohort, out, "model.fusion=gated", "--launcher", FAKE, *more))
    return int(ended.value.code or 0)


def command(cohort: Path, out: Path, *more: str) -> subprocess.Popen[str]:
    told = words(cohort, out, "model.fusion=gated", "--launcher", FAKE, *more)
    return subprocess.Popen(
        [sys.executable, "-m", "mmdx.cli", *told], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def states(out: Path) -> dict[str, str]:
    return {run["folder"]: run["state"] for run in json.loads((out / "ablation.json").read_text())["runs"]}


ALL = ["fusion/seed-0", "only-image/seed-0", "only-report/seed-0", "fusion-concat/seed-0"]


def test_an_ablation_trains_for_real_is_compared_and_found_trained(cohort, tmp_path, capfd):
    out, asked = tmp_path / "out", resolve(read_config(cohort, ["model.fusion=late"]))
    for attempt in range(2):
        extent = Extent(1, fusions=[])
        console, launch = Console(), Launch.of_machine("", 2)
        watch = watched(console)
        result = ablation.ablate(
            asked, name="tiny", extent=extent, out=out, launch=launch, console=console, watch=watch
        )
        assert result.complete
        show_ablation(result, console)
        said = capfd.readouterr().out
        assert ("begins: fusion/seed-0" in said) == (attempt == 0)
        assert "3 of 3 done" in said
        assert "report:  " in said
    assert states(out) == dict.fromkeys(ALL[:3], "done")
    names = [arm["run"] for arm in json.loads((out / "compare.json").read_text())["arms"]]
    assert list(dict.fromkeys(names))[:3] == ["fusion", "only-image", "only-report"]
    alone = read_config(out / "only-report" / "seed-0" / "config.yaml")
    assert list(alone.model.inputs) == ["report"]
    assert alone.data.store is not None
    assert alone.data.store.parent == cohort.parent / "stores"


def test_what_it_leaves_says_what_it_is(cohort, tmp_path, told):
    out = tmp_path / "out"
    assert ablate(cohort, out, "--seeds", "2", "--sizes", "12", "--jobs", "2") == 0
    record = json.loads((out / "ablation.json").read_text())
    assert (record["config"], record["reference"]) == ("tiny", "fusion")
    assert (record["seeds"], record["sizes"], record["refused"]) == ([0, 1], [12], {})
    assert record["variants"]["only-image"] == {
        "inputs": ["image"],
        "fusion": "gated",
        "guidance": False,
        "notes": [],
    }
    assert record["runs"][-1] == {
        "variant": "fusion",
        "seed": 1,
        "size": 12,
        "folder": "fusion/size-12/seed-1",
        "predictions": ["fusion/size-12/seed-1"],
        "state": "done",
    }
    assert len(record["runs"]) == 2 * 4 + 2
    assert all((out / run["folder"] / "card.md").is_file() for run in record["runs"])
    assert read_config(out / "fusion/size-12/seed-1.yaml").data.train_patients == 12
    assert len(told.read_text().splitlines()) == 10
    cores = joblib.cpu_count()
    share = os.environ.get("OMP_NUM_THREADS", str(max(1, cores // 2)))
    assert {line.split()[-1] for line in told.read_text().splitlines()} == {share}


def test_a_plan_starts_where_the_system_does_not_tell_its_cores(cohort, tmp_path, monkeypatch, capsys):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)  # as on macOS
    assert ablate(cohort, tmp_path / "out", "--plan") == 0
    assert "fusion/seed-0" in capsys.readouterr().out
    assert Launch.of_machine("accelerate launch", None).threads == joblib.cpu_count()


def test_one_that_fails_is_shown_and_tried_again_later(cohort, tmp_path, told, monkeypatch, capsys):
    out = tmp_path / "out"
    monkeypatch.setenv("FAKE_FAIL", "only-image")
    assert ablate(cohort, out) == 1
    said = capsys.readouterr().out
    assert "failed: only-image/seed-0" in said
    assert "  mmdx: broken on purpose" in said
    assert f"only-image/seed-0: failed; {out / 'only-image/seed-0'}.log says why" in said
    assert states(out) == dict.fromkeys(ALL, "done") | {"only-image/seed-0": "failed"}
    compared = json.loads((out / "compare.json").read_text())["arms"]
    assert [arm["run"] for arm in compared] == ["fusion", "only-report", "fusion-concat"]
    assert "not trained: only-image seed 0" in said
    monkeypatch.delenv("FAKE_FAIL")
    told.unlink()
    assert ablate(cohort, out) == 0
    assert [line.split()[:2] for line in told.read_text().splitlines()] == [["only-image/seed-0", "--resume"]]
    assert states(out) == dict.fromkeys(ALL, "done")


def test_without_the_reference_nothing_is_compared(cohort, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("FAKE_FAIL", "/fusion/")
    assert ablate(cohort, tmp_path / "out") == 1
    assert "nothing to compare with: fusion/seed-0 was not trained" in capsys.readouterr().out
    assert not (tmp_path / "out" / "compare.json").exists()


def test_stopped_in_the_middle_it_goes_on_and_trains_nothing_twice(cohort, tmp_path, told, monkeypatch):
    out = tmp_path / "out"
    monkeypatch.setenv("FAKE_SLOW", "only-image")
    running = command(cohort, out, "--jobs", "1")
    waited_for(lambda: (out / "only-image/seed-0/config.yaml").is_file())
    running.send_signal(signal.SIGTERM)
    assert running.wait(timeout=30) == 130
    assert running.communicate()[0].splitlines()[-1].startswith("mmdx: stopped; nothing finished is lost")
    lock = hold(out / "only-image/seed-0.lock")
    assert lock is not None, "its training goes on alone"
    lock.close()
    assert not (out / "only-image/seed-0/card.md").exists()
    monkeypatch.delenv("FAKE_SLOW")
    assert ablate(cohort, out) == 0
    starts = [line.split()[0] for line in told.read_text().splitlines()]
    assert sorted(starts) == sorted([*ALL, "only-image/seed-0"])
    assert states(out) == dict.fromkeys(ALL, "done")


def test_two_commands_share_the_work(cohort, tmp_path, told, monkeypatch):
    out = tmp_path / "out"
    monkeypatch.setenv("FAKE_SECONDS", "0.5")
    both = [command(cohort, out, "--seeds", "2", "--jobs", "1") for _ in range(2)]
    said = [each.communicate(timeout=120)[0] for each in both]
    assert [each.returncode for each in both] == [0, 0], said
    starts = [line.split()[0] for line in told.read_text().splitlines()]
    assert len(starts) == len(set(starts)) == 8
    assert set(states(out).values()) == {"done"}
    assert sum("report:  " in text for text in said) >= 1


def test_what_another_command_trains_is_named_and_left_to_it(cohort, tmp_path, told, capsys):
    out = tmp_path / "out"
    lock = hold(out / "only-report/seed-0.lock")
    assert lock is not None
    lock.write("on node7, process 42")
    lock.flush()
    assert ablate(cohort, out) == 0
    said = capsys.readouterr().out
    assert "only-report/seed-0: still trained on node7, process 42" in said
    assert "3 of 4 done, 1 elsewhere" in said
    assert not (out / "compare.json").exists()
    lock.close()
    assert ablate(cohort, out) == 0
    assert (out / "compare.json").is_file()


def test_a_run_of_another_config_is_refused_before_any_training(cohort, tmp_path, told, capsys):
    out = tmp_path / "out"
    assert ablate(cohort, out) == 0
    told.unlink()
    assert ablate(cohort, out, "train.lr=0.5") == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        f"mmdx: {out / name}: was trained with another train.lr; give another --out, or remove it" for name in ALL
    ]
    assert not told.exists()


def test_all_that_cannot_be_trained_is_refused_at_once(cohort, tmp_path, told, capsys):
    assert ablate(cohort, tmp_path / "out", "--sizes", "12,90,99") == 2
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(":")[2].partition(",")[0] for line in lines] == [
        " fusion/size-90/seed-0: data.train_patients: 90",
        " fusion/size-99/seed-0: data.train_patients: 99",
    ]
    assert not told.exists()


def test_the_plan_trains_nothing_and_fits_a_terminal(cohort, tmp_path, told, capsys):
    out = tmp_path / "out"
    assert ablate(cohort, out, "--plan", "--sizes", "12") == 0
    said = capsys.readouterr().out
    table, _, commands = said.partition("Commands")
    assert max(map(len, table.splitlines())) <= 80
    rows = [line.split() for line in table.splitlines() if line.endswith("waiting")]
    assert rows[1] == ["only-image", "image", "gated", "0", "all", "waiting"]
    assert rows[-1] == ["fusion", "image+report", "gated", "0", "12", "waiting"]
    assert f"{FAKE} -m mmdx.cli train {out / 'fusion/size-12/seed-0.yaml'}" in commands
    assert not out.exists()
    assert not told.exists()
    assert ablate(cohort, out) == 0
    capsys.readouterr()
    assert ablate(cohort, out, "--plan") == 0
    said = capsys.readouterr().out
    assert said.count("done") == 4
    assert "mmdx.cli train" not in said


def test_variants_that_try_settings_have_as_many_tries_and_train_nothing_twice(cohort, tmp_path, told, capsys):
    out, asked = tmp_path / "out", ("--tune", "3", "--seeds", "2", "seed=1")
    assert ablate(cohort, out, "--plan", *asked) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "each of 4 variants tries 3 on validation: 12 trainings, then 4 with the settings that were chosen" in said
    assert said.count("/try-") == 12
    assert "/seed-" not in said
    assert ablate(cohort, out, *asked) == 0
    starts = [line.split()[0] for line in told.read_text().splitlines()]
    assert len(starts) == len(set(starts)) == 4 * 3 + 4
    assert all("/try-" in start for start in starts[:12])
    record = json.loads((out / "ablation.json").read_text())
    rates = [each["lr_factor"] for each in record["tuning"]["settings"]]
    best = rates.index(max(rates)) + 1
    assert {tried["chosen"] for tried in record["tuning"]["variants"].values()} == {best}
    assert [run["folder"] for run in record["runs"][:1] + record["runs"][-1:]] == [
        f"fusion/try-{best}",
        "fusion-concat/seed-2",
    ]
    second = read_config(out / "only-image/seed-2/config.yaml")
    assert second.train.lr == pytest.approx(max(rates) * 0.001)
    assert (second.seed, second.run) == (2, out / "only-image/seed-2")
    (sentence,) = re.findall(r"Every variant had[^.]*\.", (out / "compare.md").read_text())
    assert sentence == "Every variant had the same 3 settings to try, chosen by validation and never by test."
    told.unlink()
    capsys.readouterr()
    assert ablate(cohort, out, *asked) == 0
    assert not told.exists()
    assert "settings: each of 4 variants tries 3" in capsys.readouterr().out


def test_a_variant_whose_try_fails_is_not_trained_until_it_is_done(cohort, tmp_path, monkeypatch, capsys):
    out = tmp_path / "out"
    monkeypatch.setenv("FAKE_FAIL", "only-image/try-2")
    assert ablate(cohort, out, "--tune", "2") == 1
    said = capsys.readouterr().out
    assert f"only-image/try-2: failed; {out / 'only-image/try-2'}.log says why" in said
    assert "not trained: only-image seed 0" in said
    monkeypatch.delenv("FAKE_FAIL")
    assert ablate(cohort, out, "--tune", "2") == 0
    assert set(states(out).values()) == {"done"}


def test_settings_are_not_tried_beside_trainings_without(cohort, tmp_path, told, capsys):
    out = tmp_path / "out"
    assert ablate(cohort, out) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "All variants have the settings of tiny" in (out / "compare.md").read_text()
    assert "--tune 6 lets each try as many settings on validation: 20 trainings more, beside 4" in said
    assert ablate(cohort, out, "--tune", "2") == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].endswith(
        "fusion/seed-0: was trained before its settings were tried; give another --out, or remove it"
    )
    assert ablate(cohort, tmp_path / "other", "--tune", "10") == 2
    assert "--tune 10: give from 2 to 9 tries" in capsys.readouterr().err


def test_sizes_that_are_no_numbers(cohort, tmp_path, capsys):
    assert ablate(cohort, tmp_path / "out", "--sizes", "50,many") == 2
    assert "--sizes 50,many: give numbers of training patients, such as 50,100,200" in capsys.readouterr().err


def waited_for(true) -> None:
    until = time.monotonic() + 60
    while not true():
        assert time.monotonic() < until
        time.sleep(0.05)
