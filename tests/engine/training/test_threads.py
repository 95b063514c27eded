"""The number of threads of a training: timed once, kept, and timed without a trace."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import joblib
import numpy as np
import pytest
import torch
from rich.console import Console
from safetensors.torch import load_file
from tiny import write_cohort, write_config

from mmdx.config_file import read_config
from mmdx.engine.assembly.resolve import resolve
from mmdx.engine.experiments import run as experiments
from mmdx.engine.experiments.start import started
from mmdx.engine.runs.record import read_environment, record_plan, record_store
from mmdx.engine.training import loop, threads
from mmdx.engine.training.loop import Training, set_up
from mmdx.engine.training.plan import plan
from mmdx.engine.training.threads import candidates, choose_threads, time_steps
from mmdx.files import RunLayout

QUIET = Console(quiet=True)


@pytest.fixture(autouse=True)
def two_cores(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine of two cores, where the user says nothing."""
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    monkeypatch.setattr(joblib, "cpu_count", lambda: 2)
    monkeypatch.delenv("OMP_NUM_THREADS")
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return write_config(tmp_path / "tiny.yaml", write_cohort(tmp_path / "raw", patients=20))


@pytest.fixture
def training(config: Path) -> Iterator[Training]:
    """A training that has not stepped yet, with batch norms in its image encoder."""
    words = ["model.inputs.image.encoder={type: timm, name: test_resnet}"]
    with started(resolve(read_config(config, words)), name="tiny", resume=False, console=QUIET) as (setting, _):
        new = plan(setting)
        record_plan(setting.run, setting.config, setting.store, setting.splits)
        record_store(setting.run, setting.store, setting.accelerator)
        new.write(setting)
        yield set_up(setting, resume=False)


def timing(monkeypatch: pytest.MonkeyPatch, seconds: dict[int, float]) -> list[list[int]]:
    """A step takes these seconds with each number of threads; returns the numbers of each timing that was asked for."""
    asked: list[list[int]] = []

    def time_steps(training: Training, counts: Sequence[int]) -> dict[int, float]:
        asked.append(list(counts))
        return seconds

    monkeypatch.setattr(threads, "time_steps", time_steps)
    return asked


@pytest.mark.parametrize(("cores", "numbers"), [(2, [2, 1]), (6, [6, 4, 2, 1]), (16, [16, 8, 4, 2, 1])])
def test_powers_of_two_and_all_cores_are_tried(cores: int, numbers: list[int]) -> None:
    assert candidates(cores) == numbers


@pytest.mark.parametrize(("seconds", "count"), [({2: 0.5, 1: 1.0}, 2), ({2: 1.0, 1: 1.04}, 1), ({2: 2.0, 1: 1.0}, 1)])
def test_the_fastest_number_is_chosen_once_and_fewer_of_equals(
    monkeypatch: pytest.MonkeyPatch, training: Training, seconds: dict[int, float], count: int
) -> None:
    asked = timing(monkeypatch, seconds)
    chosen = choose_threads(training)
    assert (chosen.count, chosen.cores) == (count, 2)
    assert choose_threads(training) == chosen
    assert asked == [[2, 1]]
    kept = read_environment(training.setting.run)["threads"]
    assert (kept["count"], kept["seconds"]) == (count, {"1": seconds[1], "2": seconds[2]})


def test_a_number_that_the_user_set_is_not_timed(monkeypatch: pytest.MonkeyPatch, training: Training) -> None:
    asked = timing(monkeypatch, {})
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert choose_threads(training).sentence() == "threads: 2 of 2 (OMP_NUM_THREADS)"
    assert asked == []


def test_one_thread_of_torch_leaves_no_choice(monkeypatch: pytest.MonkeyPatch, training: Training) -> None:
    asked = timing(monkeypatch, {})
    torch.set_num_threads(1)
    assert choose_threads(training).count == 1
    assert asked == []


def test_timing_leaves_no_trace(training: Training) -> None:
    model = training.saved.model
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert any(name.endswith("running_mean") for name in before)
    drawn = next_draws()
    seconds = time_steps(training, [2, 1])
    assert set(seconds) == {1, 2}
    assert min(seconds.values()) > 0
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert training.optimizer.state_dict()["state"] == {}
    assert torch.get_num_threads() == 2
    assert next_draws() == drawn


def next_draws() -> list[float]:
    """The next number of torch and of NumPy, which stay where they are; the checks of types draw from Python's own."""
    states = torch.get_rng_state(), np.random.get_state()  # noqa: NPY002
    numbers = [torch.rand(1).item(), np.random.random()]  # noqa: NPY002
    torch.set_rng_state(states[0])
    np.random.set_state(states[1])  # noqa: NPY002
    return numbers


def test_a_resumed_run_takes_its_number_again_and_ends_in_the_same_weights(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def train(name: str, *, resume: bool = False) -> RunLayout:
        overrides = [f"run={tmp_path / name}", "train.epochs=1"]
        return experiments.train(resolve(read_config(config, overrides)), name="tiny", console=QUIET, resume=resume).run

    def interrupted(setting, progress, rate, losses, log=loop.log_step) -> None:
        numbers.append(torch.get_num_threads())
        if progress.step == 2:
            raise KeyboardInterrupt
        log(setting, progress, rate, losses)

    numbers: list[int] = []
    asked = timing(monkeypatch, {2: 1.0, 1: 2.0})
    whole = train("whole")
    with monkeypatch.context() as patch:
        patch.setattr(loop, "log_step", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train("stopped")
    timing(monkeypatch, {2: 2.0, 1: 1.0})  # the machine is busy now
    stopped = train("stopped", resume=True)
    assert (numbers, len(asked)) == ([2, 2], 2)
    first, second = load_file(whole.last), load_file(stopped.last)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert torch.get_num_threads() == 2
