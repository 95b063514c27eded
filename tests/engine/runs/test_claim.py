"""A run folder belongs to one training at a time, and to nobody once that has ended, however it has."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from mmdx.data.store.lock import LOCK
from mmdx.engine.runs.claim import claim, claimed, holder, stopped_early

HOLDS = """
import os, sys, time
from pathlib import Path
from mmdx.engine.runs.claim import claim
lock = claim(Path(sys.argv[1]))
if not os.fork():
    print("held", flush=True)
time.sleep(60)
"""


def test_a_killed_training_leaves_its_folder_free_while_its_workers_still_live(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    command = [sys.executable, "-c", HOLDS, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as training:
        try:
            assert training.stdout is not None
            assert training.stdout.readline() == "held\n"
            assert claim(folder) is None
            assert holder(folder).startswith(f"process {training.pid} on ")
            os.kill(training.pid, signal.SIGKILL)
            training.wait()
            lock = claim(folder)
            assert lock is not None
            assert stopped_early(folder)
            lock.close()
        finally:
            os.killpg(training.pid, signal.SIGKILL)  # the worker


def _claims(folder: Path, start: float, answers: multiprocessing.Queue[bool]) -> None:
    time.sleep(max(0.0, start - time.time()))
    lock = claim(folder)
    answers.put(lock is not None)
    time.sleep(1)


def test_of_eight_at_once_one_has_the_folder(tmp_path: Path) -> None:
    answers: multiprocessing.Queue[bool] = multiprocessing.Queue()
    start = time.time() + 0.5
    eight = [multiprocessing.Process(target=_claims, args=(tmp_path / "run", start, answers)) for _ in range(8)]
    for process in eight:
        process.start()
    assert sorted(answers.get() for _ in eight) == [False] * 7 + [True]
    for process in eight:
        process.join()


def test_an_empty_folder_goes_away_and_another_stays(tmp_path: Path) -> None:
    for name, files in (("empty", ()), ("full", ("splits.csv",))):
        folder = tmp_path / name
        lock = claim(folder)
        assert lock is not None
        with claimed(folder, lock):
            for file in files:
                (folder / file).touch()
        assert folder.exists() == bool(files)
    assert sorted(path.name for path in (tmp_path / "full").iterdir()) == [LOCK, "splits.csv"]
