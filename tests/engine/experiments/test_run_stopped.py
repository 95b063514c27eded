"""Trainings that are killed wherever they write a file: each goes on with the same command, to the same weights."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
import torch
from rich.console import Console
from safetensors.torch import load_file
from stopping import killed_at_file
from tiny import write_cohort, write_config

from mmdx.config_file import read_config
from mmdx.data.store.lock import LOCK
from mmdx.engine.assembly.resolve import resolve
from mmdx.engine.experiments import run as experiments
from mmdx.files import PARTIAL, RunLayout
from mmdx.schema import Config

ANEW = "run: was stopped before its first state, and begins anew"
COST = {"seconds", "slices_per_second", "peak_memory_gb"}
"""What an epoch costs differs from run to run."""


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    home = tmp_path_factory.mktemp("stopped")
    return resolve(read_config(write_config(home / "tiny.yaml", write_cohort(home / "raw", patients=18), epochs=1)))


@pytest.fixture(scope="module")
def calm(config: Config) -> RunLayout:
    train(config, "calm", StringIO())
    return RunLayout(Path(str(config.run)).with_name("calm"))


def train(config: Config, name: str, said: StringIO, *, resume: bool = False) -> None:
    config = config.model_copy(update={"run": Path(str(config.run)).with_name(name)})
    experiments.train(config, name="tiny", console=Console(file=said, width=1000), resume=resume)


def files_of(run: RunLayout) -> set[str]:
    files = {path.relative_to(run.folder).as_posix() for path in run.folder.rglob("*") if path.is_file()}
    return {name for name in files if not name.startswith("tensorboard/")}


def log_of(run: RunLayout) -> list[dict[str, float]]:
    lines = [json.loads(line) for line in run.log.read_text(encoding="utf-8").splitlines()]
    return [{key: value for key, value in line.items() if key not in COST} for line in lines]


def same(run: RunLayout, calm: RunLayout) -> bool:
    left, right = load_file(run.last), load_file(calm.last)
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


def test_killed_before_each_file_it_goes_on_to_the_same(config: Config, calm: RunLayout) -> None:
    """Each attempt is killed at a later file than the one before, every second one without `resume`, until the first
    state is there; then at every sixth file, until one comes to its end."""
    run, said, number = RunLayout(Path(str(config.run))), StringIO(), 1
    while True:
        with killed_at_file(number) as named:
            train(config, "run", said, resume=run.last.is_file() or number % 2 == 0)
        if named[-1] != "killed":
            break
        for name in files_of(run):
            assert name.endswith(PARTIAL) or (run.folder / name).stat().st_size or name == LOCK
        number += 6 if run.last.is_file() else 1
        assert number < 60
    assert said.getvalue().count(ANEW) > 5
    assert same(run, calm)
    assert log_of(run) == log_of(calm)
    assert files_of(run) == files_of(calm)
