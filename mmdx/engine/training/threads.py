"""How many threads a training computes with on a CPU: timed on its own first steps, unless somebody says it."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from statistics import median
from typing import cast

import joblib
import numpy as np
import torch
from torch import nn

from mmdx.batch import Batch
from mmdx.engine.processes import THREADS, threads_of_user
from mmdx.engine.runs.threads import Threads, record_threads, recorded_threads, threads_of_series
from mmdx.engine.training.loop import Training

BATCHES, ROUNDS = 2, 15
"""Batches that are timed, and how often at most."""
BUDGET = 3.0
"""Seconds after which no further round begins."""
SLOW, WORSE = 1.0, 1.5
"""A step of more seconds than this, and longer by this factor with fewer threads, is not tried with fewer still."""
HOPELESS = 3.0
"""A first step of more seconds than `SLOW`, and longer by this factor than the fastest, is not repeated. The very first
also pays for new memory, but never as much."""
NEAR = 1.05
"""Fewer threads are taken where they cost no more than this factor: the others are left to the rest of the machine."""


def choose_threads(training: Training) -> Threads:
    """The number of threads of a training that has not stepped yet, or of one that goes on; it is kept in its folder.

    A lone process on a CPU times some of its steps, between one thread and all that torch has. No timing where the
    user says `OMP_NUM_THREADS`, where the run has chosen before, or where an earlier fold or seed has. Weights,
    buffers, optimizer and random numbers stay as they are.
    """
    setting = training.setting
    threads = _settled(training) or timed_threads(training)
    if setting.is_main and setting.accelerator.device.type == "cpu":
        record_threads(setting.run, threads)
    return threads


def _settled(training: Training) -> Threads | None:
    """The number that needs no timing."""
    setting, accelerator = training.setting, training.setting.accelerator
    present = Threads(torch.get_num_threads(), joblib.cpu_count(), "")
    if accelerator.device.type != "cpu":
        return replace(present, reason=f"beside {accelerator.device.type}")
    if accelerator.num_processes > 1:
        return replace(present, reason="for each process")
    if threads_of_user() is not None:
        return replace(present, reason=THREADS)
    if (threads := recorded_threads(setting.run)) is not None:
        return threads
    if training.progress.step > 0:
        return replace(present, reason="the run began without a choice")
    if present.count == 1:
        return replace(present, reason="torch has no more")
    return threads_of_series(setting.run)


def timed_threads(training: Training) -> Threads:
    """The number, a power of two or all that torch has, with which a step of the training is fastest."""
    seconds = dict(sorted(time_steps(training, candidates(torch.get_num_threads())).items()))
    fastest = min(seconds.values())
    count = min(number for number, value in seconds.items() if value <= NEAR * fastest)
    words = ", ".join(f"{value:.2g} s with {number}" for number, value in seconds.items())
    return Threads(count, joblib.cpu_count(), f"timed: a step takes {words}", seconds)


def candidates(cores: int) -> list[int]:
    """All cores, then the powers of two below them: 6, 4, 2, 1."""
    return sorted({cores, *(1 << power for power in range(cores.bit_length()))}, reverse=True)


def time_steps(training: Training, counts: Sequence[int]) -> dict[int, float]:
    """Seconds of a step (forward and backward, the mean over some batches) with each number of threads.

    The numbers take turns, in changing order, so that the machine's moods hit all alike; the median of their rounds
    counts. A first round warms up; it may leave out small numbers of threads where a step is long.
    """
    begin = time.perf_counter()
    with _untouched(training.saved.model):
        batches = _first_batches(training)
        training.network.train()
        first = _first_seconds(training, counts, batches)
        if len(first) == 1:
            return first
        batches = batches[:1] if min(first.values()) > SLOW else batches
        rounds: dict[int, list[float]] = {count: [] for count in first}
        for number in range(ROUNDS):
            for count in first if number % 2 else reversed(first):
                rounds[count].append(_seconds(training, batches, count))
            if time.perf_counter() - begin > BUDGET:
                break
    return {count: median(values) for count, values in rounds.items()}


def _first_seconds(training: Training, counts: Sequence[int], batches: Sequence[Batch]) -> dict[int, float]:
    """Seconds of the first batch, of the numbers of threads that are worth timing; the other batches warm up too."""
    first: dict[int, float] = {}
    for count in counts:
        seconds = _seconds(training, batches[:1], count)
        if first and seconds > max(SLOW, WORSE * min(first.values())):
            break
        first[count] = seconds
        if seconds <= SLOW:
            _seconds(training, batches[1:], count)
    bound = max(SLOW, HOPELESS * min(first.values()))
    return {count: seconds for count, seconds in first.items() if seconds <= bound}


def _seconds(training: Training, batches: Sequence[Batch], count: int) -> float:
    """Seconds of a step on each of some batches, their mean; 0 without one."""
    torch.set_num_threads(count)
    total = 0.0
    for batch in batches:
        torch.manual_seed(0)  # the same draws whatever the number of threads
        begin = time.perf_counter()
        with training.setting.accelerator.autocast():
            output = training.network(batch)
        training.objective(training.saved.model, output, batch)["loss"].backward()
        total += time.perf_counter() - begin
        training.saved.model.zero_grad(set_to_none=True)
    return total / max(1, len(batches))


def _first_batches(training: Training) -> list[Batch]:
    """The first batches of the first epoch, loaded here: workers of the loader would wake up for nothing."""
    dataset, collate = training.loader.dataset, cast(Callable[[list], Batch], training.loader.collate_fn)
    training.sampler.set_epoch(0)
    return [collate([dataset[position] for position in batch]) for batch in islice(training.sampler, BATCHES)]


@contextmanager
def _untouched(model: nn.Module) -> Iterator[None]:
    """Whatever the block computes, buffers of the model, random numbers and torch's threads are as before after it."""
    buffers: Mapping[str, torch.Tensor] = {name: buffer.clone() for name, buffer in model.named_buffers()}
    threads, of_python = torch.get_num_threads(), random.getstate()
    of_numpy = np.random.get_state()  # noqa: NPY002  (no draw: what plugins may draw from)
    try:
        with torch.random.fork_rng(devices=()):
            yield
    finally:
        with torch.no_grad():
            for name, buffer in model.named_buffers():
                buffer.copy_(buffers[name])
        torch.set_num_threads(threads)
        random.setstate(of_python)
        np.random.set_state(of_numpy)  # noqa: NPY002
