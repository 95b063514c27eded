"""What a terminal shows of an ablation as it goes on."""

from __future__ import annotations

import json
import os
import time
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from mmdx.config_file import read_config
from mmdx.engine.assembly.resolve import resolve
from mmdx.engine.experiments.ablation.plan import Extent, Plan, plan_jobs
from mmdx.engine.experiments.ablation.processes import Standing
from mmdx.terminal.ablation_view import TrainingLog, View, clock

CONFIGS = Path(__file__).parents[2] / "configs"


def planned(out: Path, name: str = "phantom", *, seeds: int = 1) -> Plan:
    return plan_jobs(resolve(read_config(CONFIGS / f"{name}.yaml")), Extent(seeds), out)


def log(path: Path, *entries: dict, at: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    os.utime(path, (at, at))


def shown(view: View, height: int = 40) -> str:
    console = Console(file=StringIO(), width=80, height=height, force_terminal=True, color_system=None)
    with console.capture() as got:
        console.print(view.table())
    return got.get()


def test_a_log_is_read_on_and_from_its_beginning_where_it_was_cut(tmp_path):
    entries = [{"step": 1, "epoch": 1, "loss": 0.5}, {"step": 1, "epoch": 1, "val_auroc": 0.8}]
    log(tmp_path / "log.jsonl", *entries, {"step": 2, "epoch": 2, "val_auroc": 0.7}, at=1)
    training = TrainingLog(tmp_path)
    training.read()
    assert (training.epoch, training.best, training.part) == (2, 0.8, "")
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write('{"step": 3, "epoch": 3, "val_')
    training.read()
    assert training.epoch == 2
    log(tmp_path / "log.jsonl", *entries[:1], at=2)
    training.read()
    assert (training.epoch, training.best == training.best) == (1, False)


def test_the_newest_part_of_a_run_is_the_one_that_trains(tmp_path):
    jobs = planned(tmp_path, "slice_lstm").jobs
    training = TrainingLog(tmp_path)
    log(tmp_path / "first" / "extract" / "fold-1" / "log.jsonl", {"step": 9, "epoch": 4}, at=5)
    training.read()
    assert (training.part, training.epoch, training.epochs(jobs[0])) == ("first/extract/fold-1", 4, 8)
    log(tmp_path / "log.jsonl", {"step": 1, "epoch": 1}, at=6)
    training.read()
    assert (training.part, training.epoch, training.epochs(jobs[0])) == ("", 1, 20)


def test_a_row_a_job_within_80_columns(tmp_path, monkeypatch):
    monkeypatch.setattr("mmdx.terminal.ablation_view.time.monotonic", lambda: 1000.0)
    jobs = planned(tmp_path).jobs
    log(tmp_path / "fusion" / "seed-0" / "log.jsonl", {"step": 1, "epoch": 3, "val_auroc": 0.7512}, at=1)
    view = View(jobs, Console(file=StringIO(), width=80), slots=2)
    view.look(
        {
            "fusion/seed-0": Standing("running", since=936.0),
            "only-image/seed-0": Standing("done", seconds=120.0),
            "only-report/seed-0": Standing("failed", seconds=5.0),
            "fusion-concat/seed-0": Standing("waiting"),
        }
    )
    lines = shown(view).splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[2].split() == ["fusion", "0", "all", "running", "3/16", "0.751", "1", "min", "4", "s"]
    assert lines[3].split() == ["only-image", "0", "all", "done", "2", "min", "0", "s"]
    assert lines[6] == "1 of 4 done, 1 failed, 1 running, 1 waiting, about 1 min 28 s left"


def test_where_there_is_no_room_what_is_done_goes_first(tmp_path):
    jobs = planned(tmp_path, seeds=5).jobs
    console = Console(file=StringIO(), width=80, height=12)
    view = View(jobs, console, slots=1)
    board = {job.name: Standing("done") for job in jobs}
    board[jobs[-1].name] = Standing("running", since=time.monotonic())
    view.look(board)
    lines = shown(view).splitlines()
    assert len(lines) == 10
    assert "running" in lines[7]
    assert lines[8] == "… and 14 more"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, ""), (59.4, "59 s"), (59.6, "1 min 0 s"), (3599.0, "59 min 59 s"), (3660.0, "1 h 1 min")],
)
def test_a_clock(seconds, text):
    assert clock(seconds) == text
