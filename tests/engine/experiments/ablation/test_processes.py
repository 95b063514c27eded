"""How trainings of an ablation are started, and what their locks say; nothing is trained."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from mmdx.config_file import parse_config
from mmdx.data.store.lock import hold
from mmdx.engine.experiments.ablation import processes
from mmdx.engine.experiments.ablation.plan import Job
from mmdx.engine.experiments.ablation.processes import Board, Launch, Standing, last_lines, lock_text, run_jobs
from mmdx.files import RunLayout, write_text


class Quiet:
    """Looks on, and remembers what began and ended."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def began(self, job: Job) -> None:
        self.names.append(job.name)

    def ended(self, job: Job, standing: Standing, lines: Sequence[str]) -> None:
        self.names.append(job.name)

    def look(self, board: Board) -> None:
        return None


def job(folder: Path) -> Job:
    raw = {"data": {"store": "unused"}, "model": {"inputs": {"image": {"encoder": "timm"}}}}
    return Job("fusion", 0, None, parse_config(raw, "test"), folder / "seed-0")


def test_a_training_that_was_begun_is_gone_on_with(tmp_path: Path) -> None:
    launch, training = Launch(1, 1, (), ("accelerate", "launch")), job(tmp_path)
    train = ["accelerate", "launch", "-m", "mmdx.cli", "train", str(tmp_path / "seed-0.yaml")]
    assert launch.command(training) == train
    write_text(RunLayout(training.folder).config, "")
    assert launch.command(training) == [*train, "--resume"]
    assert Launch(1, 1, (), ()).command(training)[0] == sys.executable


def test_slots_share_the_gpus_and_the_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    launch = Launch(3, 4, ("0", "2"), ())
    environments = [launch.environment(slot) for slot in range(3)]
    assert [environment["CUDA_VISIBLE_DEVICES"] for environment in environments] == ["0", "2", "0"]
    assert environments[0]["OMP_NUM_THREADS"] == "4"
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert launch.environment(0)["OMP_NUM_THREADS"] == "1"


def test_a_launcher_runs_one_at_a_time() -> None:
    launch = Launch.of_machine("accelerate launch --num_processes 4", None)
    assert (launch.slots, launch.devices) == (1, ())
    assert launch.launcher == ("accelerate", "launch", "--num_processes", "4")
    assert Launch.of_machine("", 3).slots == 3


@pytest.mark.parametrize(
    ("gigabytes", "slots", "expected"), [(64, None, (8, 1)), (13, None, (3, 1)), (1, None, (1, 8)), (1, 4, (4, 1))]
)
def test_trainings_side_by_side_on_a_cpu_have_a_thread_each(
    monkeypatch: pytest.MonkeyPatch, gigabytes: int, slots: int | None, expected: tuple[int, int]
) -> None:
    monkeypatch.setattr(processes.joblib, "cpu_count", lambda: 8)
    monkeypatch.setattr(processes.torch.cuda, "is_available", lambda: False)
    memory = SimpleNamespace(available=gigabytes * 2**30)
    monkeypatch.setattr(processes.psutil, "virtual_memory", lambda: memory)
    launch = Launch.of_machine("", slots)
    assert (launch.slots, launch.threads) == expected


def test_what_is_trained_is_not_trained_again(tmp_path: Path) -> None:
    training, watcher = job(tmp_path), Quiet()
    write_text(RunLayout(training.folder).card, "trained\n")
    assert run_jobs([training], Launch(1, 1, (), ()), watcher) == {"fusion/seed-0": Standing("done")}
    assert watcher.names == []


def test_what_another_has_is_left_to_it(tmp_path: Path) -> None:
    training = job(tmp_path)
    with hold(training.beside(".lock")) as lock:
        lock.write("on node1, process 7")
        lock.flush()
        assert lock_text(training) == "on node1, process 7"
        board = run_jobs([training], Launch(1, 1, (), ()), Quiet())
    assert board == {"fusion/seed-0": Standing("elsewhere", where="on node1, process 7")}


def test_the_end_of_a_log_has_no_empty_lines(tmp_path: Path) -> None:
    write_text(tmp_path / "a.log", "1\n2\n\n3\n")
    assert last_lines(tmp_path / "a.log", 2) == ["2", "3"]
    assert last_lines(tmp_path / "b.log") == []
