"""The number of threads that a run keeps, and from which other runs it takes one."""

from __future__ import annotations

from pathlib import Path

import joblib
import pytest
import torch

from mmdx.engine.runs.threads import Threads, record_threads, recorded_threads, threads_of_run, threads_of_series
from mmdx.files import RunLayout, write_json, write_text

TIMED = Threads(2, 4, "timed", {1: 0.4, 2: 0.2, 4: 0.25})


@pytest.fixture(autouse=True)
def four_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joblib, "cpu_count", lambda: 4)
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    monkeypatch.delenv("OMP_NUM_THREADS")


def made(folder: Path, threads: Threads | None, config: str = "seed: 0\nmodel: a\n") -> RunLayout:
    run = RunLayout(folder)
    write_text(run.config, config)
    write_json(run.environment, {"device": "cpu"})
    if threads is not None:
        record_threads(run, threads)
    return run


def test_the_first_choice_of_a_run_stays(tmp_path: Path) -> None:
    assert recorded_threads(RunLayout(tmp_path)) is None
    run = made(tmp_path, None)
    assert recorded_threads(run) is None
    record_threads(run, TIMED)
    record_threads(run, Threads(1, 4, "another"))
    assert recorded_threads(run) == TIMED
    assert TIMED.sentence() == "threads: 2 of 4 (timed)"


@pytest.mark.parametrize("below", ["", "first", "first/extract/fold-0"])
@pytest.mark.parametrize("series", ["fold", "seed"])
def test_a_fold_or_seed_takes_what_was_timed_for_an_earlier_one(tmp_path: Path, series: str, below: str) -> None:
    made(tmp_path / f"{series}-0" / below, TIMED)
    run = made(tmp_path / f"{series}-1" / below, None, "seed: 1\nmodel: a\nrun: elsewhere\n")
    taken = threads_of_series(run)
    assert taken is not None
    assert (taken.count, taken.seconds) == (2, TIMED.seconds)
    assert taken.reason == f"as timed for {(Path(f'{series}-0') / below).as_posix()}"


@pytest.mark.parametrize(
    ("name", "threads", "config"),
    [
        ("fold-0", TIMED, "seed: 0\nmodel: b\n"),
        ("fold-0", Threads(2, 2, "timed", {1: 0.4, 2: 0.2}), "seed: 0\nmodel: a\n"),
        ("fold-0", Threads(1, 4, "OMP_NUM_THREADS"), "seed: 0\nmodel: a\n"),
        ("fold-0", None, "seed: 0\nmodel: a\n"),
        ("phantom-1", TIMED, "seed: 0\nmodel: a\n"),
    ],
    ids=["another config", "another machine", "not timed", "no choice", "no series"],
)
def test_a_run_takes_nothing_from_others(tmp_path: Path, name: str, threads: Threads | None, config: str) -> None:
    made(tmp_path / name, threads, config)
    assert threads_of_series(made(tmp_path / name.replace("0", "2").replace("1", "2"), None)) is None


@pytest.mark.parametrize(
    ("threads", "variable", "count"), [(TIMED, None, 2), (TIMED, "1", 1), (None, None, 1), (Threads(2, 8, ""), None, 1)]
)
def test_a_run_is_scored_with_the_threads_that_it_was_trained_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, threads: Threads | None, variable: str | None, count: int
) -> None:
    if variable is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", variable)
    assert torch.get_num_threads() == 1
    with threads_of_run(made(tmp_path, threads)):
        assert torch.get_num_threads() == count
    assert torch.get_num_threads() == 1
