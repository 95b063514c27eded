"""With how many threads a run computes on a CPU: kept in its `environment.json`, and taken again where it goes on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace

import joblib
import torch

from mmdx.engine.processes import threads_of_user
from mmdx.engine.runs.record import read_environment
from mmdx.files import RunLayout, write_json

KEY = "threads"
"""Where `environment.json` keeps them."""
_SERIES = re.compile(r"(fold|seed)-\d+")


@dataclass(frozen=True)
class Threads:
    """A number of threads, on a machine of `cores`, and why it is this one.

    `seconds` are those of a training step with each number that was timed. Sums of floats depend on the number of
    threads in their last bits, so that a run computes with one number from its first step to its last score.
    """

    count: int
    cores: int
    reason: str
    seconds: Mapping[int, float] = field(default_factory=dict)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """torch computes with this number inside the block, and after it with that of before."""
        before = torch.get_num_threads()
        torch.set_num_threads(self.count)
        try:
            yield
        finally:
            torch.set_num_threads(before)

    def sentence(self) -> str:
        return f"threads: {self.count} of {self.cores} ({self.reason})"


def record_threads(run: RunLayout, threads: Threads) -> None:
    """Writes a choice into `environment.json`; the first one stays."""
    environment = read_environment(run)
    if KEY not in environment:
        seconds = {str(count): round(value, 4) for count, value in threads.seconds.items()}
        content = {"count": threads.count, "cores": threads.cores, "reason": threads.reason, "seconds": seconds}
        write_json(run.environment, environment | {KEY: content})


def recorded_threads(run: RunLayout) -> Threads | None:
    """What a run computes with; None where it has not chosen, or was made before runs did."""
    if not run.environment.is_file():
        return None
    content = read_environment(run).get(KEY)
    if content is None:
        return None
    seconds = {int(count): value for count, value in content["seconds"].items()}
    return Threads(content["count"], content["cores"], content["reason"], seconds)


def threads_of_series(run: RunLayout) -> Threads | None:
    """What was timed for an earlier run of the same series, on as many cores; None where there is none.

    Folds and seeds lie side by side, `fold-0` and `fold-1`, each with the same folders below it. Their configs differ
    in nothing that a step costs.
    """
    config = _costs(run)
    for place in (run.folder, *run.folder.parents):
        if not _SERIES.fullmatch(place.name):
            continue
        stem, below = place.name.rpartition("-")[0], run.folder.relative_to(place)
        for other in sorted(place.parent.glob(f"{stem}-*")):
            earlier = RunLayout(other / below)
            threads = recorded_threads(earlier) if other != place and _costs(earlier) == config else None
            if threads is not None and threads.seconds and threads.cores == joblib.cpu_count():
                name = earlier.folder.relative_to(place.parent).as_posix()
                return replace(threads, reason=f"as timed for {name}")
    return None


@contextmanager
def threads_of_run(run: RunLayout) -> Iterator[None]:
    """A finished run is scored inside the block with the threads that it was trained with, on a machine of as many
    cores; a number that the user set goes before."""
    threads = recorded_threads(run) if threads_of_user() is None else None
    if threads is None or threads.cores != joblib.cpu_count() or torch.accelerator.is_available():
        threads = None
    with nullcontext() if threads is None else threads.applied():
        yield


def _costs(run: RunLayout) -> list[str]:
    """The config of a run without what makes no step longer; empty where there is none yet."""
    if not run.config.is_file():
        return []
    lines = run.config.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if not line.startswith(("run:", "seed:"))]
