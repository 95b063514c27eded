"""`mmdx serve` from end to end: studies come in by two ways, answers lie in a folder and go to an archive."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pydicom
import pytest
from handed_over import NAME, STUDY, write_exam
from highdicom.sr import srread
from senders import archive, sent

from mmdx.errors import UsageError
from mmdx.nodes import serving as module
from mmdx.nodes.answering import Answering
from mmdx.nodes.inbox import Bounds
from mmdx.nodes.outlets import Outlets
from mmdx.nodes.receiving import Door
from mmdx.nodes.serving import Service, serve

MOST_SECONDS = 60


class Said(list[str]):
    """What the service says, line by line."""

    def wait(self, *words: str) -> str:
        """The first line that has all these words."""
        until = time.monotonic() + MOST_SECONDS
        while not (found := [line for line in self if all(word in line for word in words)]):
            assert time.monotonic() < until, self
            time.sleep(0.02)
        return found[0]

    @property
    def port(self) -> int:
        match = re.search(r":(\d+) \(", self.wait("listening"))
        assert match
        return int(match[1])


@contextmanager
def serving(run: Path, out: Path, *, to: str | None = None, watch: Path | None = None) -> Iterator[Said]:
    said, stop = Said(), threading.Event()
    service = Service(Door(port=0), Bounds(quiet_for=0.3), out, Outlets.parsed("MMDX", to, None), watch)
    thread = threading.Thread(target=serve, args=(run, service, said.append, stop))
    before = tempfile.tempdir
    thread.start()
    try:
        yield said
    finally:
        stop.set()
        thread.join(MOST_SECONDS)
    assert not thread.is_alive()
    assert tempfile.tempdir == before


def test_a_study_is_answered_once_and_its_answer_is_sent_on(run: Path, tmp_path: Path) -> None:
    files, out = write_exam(tmp_path / "exam"), tmp_path / "out"
    with archive() as (address, kept), serving(run, out, to=address) as said:
        assert sent(said.port, files[:2]) == [0, 0]
        said.wait("study 1: 2 images, answered in", "study-001.dcm")
        sent(said.port, files[:2])
        said.wait("study 2: the same images were answered before")
        sent(said.port, files[2:])
        line = said.wait("study 3: not answered:", "send the whole study again")
        assert "from 2 images that did not come again" in line
        sent(said.port, files)
        said.wait("study 4: 3 images, answered in", "study-002.dcm")
        assert not [line for line in said if "not sent" in line]
    assert said[-1] == "ended: 2 answered, 0 that came without an answer; what was received is removed"
    assert sorted(path.name for path in out.iterdir()) == ["study-001.dcm", "study-002.dcm"]
    reports = [srread(out / name) for name in ("study-001.dcm", "study-002.dcm")]
    assert [len(list(report.get_evidence())) for report in reports] == [2, 3]
    assert [file.SOPInstanceUID for file in kept] == [report.SOPInstanceUID for report in reports]
    assert (kept[0].StudyInstanceUID, str(kept[0].PatientName)) == (STUDY, NAME)
    assert not re.search(rf"{NAME[:6]}|{STUDY}|p 7|1970", "\n".join(said))


def test_a_watched_folder_is_the_other_way_in(run: Path, tmp_path: Path) -> None:
    watch = tmp_path / "in"
    watch.mkdir()
    with serving(run, tmp_path / "out", watch=watch) as said:
        said.wait("listening")
        files = write_exam(watch / "exam")
        said.wait("study 1: 3 images, answered in", "study-001.dcm")
    assert all(map(Path.is_file, files))


def test_whatever_goes_wrong_with_a_study_the_next_one_is_answered(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered: Callable = Answering.__call__

    def stumbling(answering: Answering, study):
        if study.number == 1:
            raise ZeroDivisionError(NAME)
        return answered(answering, study)

    monkeypatch.setattr(Answering, "__call__", stumbling)
    files = write_exam(tmp_path / "exam")
    with serving(run, tmp_path / "out", to="127.0.0.1:9:NOBODY") as said:
        said.wait("not there yet: NOBODY (127.0.0.1:9) cannot be reached")
        sent(said.port, files)
        assert said.wait("study 1:").endswith("not answered: a fault of mmdx: ZeroDivisionError")
        sent(said.port, write_exam(tmp_path / "mr", Modality="MR", StudyInstanceUID="1.2.2"))
        assert "was trained on HU" in said.wait("study 2: not answered:")
        sent(said.port, files)
        said.wait("study 3: not sent: NOBODY (127.0.0.1:9) cannot be reached")
        sent(said.port, files)  # what was not sent is no answer of before
        said.wait("study 4: 3 images, answered in")
        for path in files:
            path.write_bytes(path.read_bytes()[:-300])
        (short,) = files[:1]
        file = pydicom.dcmread(short, force=True)
        file.StudyInstanceUID = "1.2.3"
        file.save_as(short)
        sent(said.port, [short])
        said.wait("study 5: not answered: none of its images could be kept")
    assert len(list((tmp_path / "out").iterdir())) == 2


def test_the_call_is_looked_at_before_anything_is_listened_to(run: Path, tmp_path: Path) -> None:
    said = Said()
    service = Service(Door(port=0), Bounds(), tmp_path / "out", Outlets(), tmp_path / "nothing")
    with pytest.raises(UsageError, match="--watch"):
        serve(run, service, said.append)
    assert said == []


def test_a_process_that_is_told_to_end_leaves_nothing(run: Path, tmp_path: Path) -> None:
    """As in a container: nothing is written but to the temporary folder and the folder of answers."""
    (tmp_path / "tmp").mkdir()
    tests = str(Path(__file__).parents[1])
    path = os.pathsep.join(filter(None, (tests, os.environ.get("PYTHONPATH", ""))))
    variables = os.environ | {"TMPDIR": str(tmp_path / "tmp"), "PYTHONPATH": path, "HOME": "/nonexistent"}
    command = [sys.executable, "-m", "mmdx", "serve", str(run), "--out", str(tmp_path / "out"), "--port", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=variables, cwd=tmp_path
    ) as process:
        assert process.stdout is not None
        said = Said([process.stdout.readline()])
        sent(said.port, write_exam(tmp_path / "exam"))
        (private,) = (tmp_path / "tmp").glob("mmdx-serve-*")
        assert len(list(private.rglob("*.dcm"))) == 3
        process.send_signal(signal.SIGTERM)
        rest = process.stdout.read()
        assert process.wait(MOST_SECONDS) == 0
    assert rest == "ended: 0 answered, 1 that came without an answer; what was received is removed\n"
    assert list((tmp_path / "tmp").glob("mmdx*")) == []
    assert {entry.name for entry in tmp_path.iterdir()} == {"tmp", "exam", "out"}


def test_a_bug_of_the_loop_is_no_silence(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.Inbox, "remove_stale", lambda _: 1 / 0)
    service = Service(Door(port=0), Bounds(), tmp_path / "out", Outlets())
    with pytest.raises(ZeroDivisionError):
        serve(run, service, Said().append)
