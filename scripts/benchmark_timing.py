"""How the benchmark times a pair, and the line that it prints."""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch


def timed(work: Callable[[], object]) -> float:
    """Seconds that `work` takes, to the end of what it put on a device."""
    start = time.perf_counter()
    work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - start


def in_turn(ours: Callable[[], object], reference: Callable[[], object], repeats: int) -> tuple[float, float]:
    """Median seconds of both, after one warm-up each, taking turns so that the machine's moods hit both alike."""
    for warm_up in (ours, reference):
        timed(warm_up)
    pairs = [(timed(ours), timed(reference)) for _ in range(repeats)]
    return statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs)


def report(name: str, ours: float, reference: float, **more: object) -> None:
    line = {"name": name, "ours": round(ours, 4), "reference": round(reference, 4), "ratio": round(ours / reference, 3)}
    print(json.dumps(line | more), flush=True)


@dataclass(frozen=True)
class Lap:
    """What one piece of work took in a process of its own: seconds by the clock, of its processor time (`system` of
    them in the system), page faults, and the most memory that the process ever held, in MB."""

    seconds: float
    processor: float
    system: float
    faults: int
    peak: int


class Runner:
    """A process that does one piece of work whenever it is told to: what is set for whole processes, such as the
    environment, is compared by two of them that take turns."""

    def __init__(self, words: Sequence[str], environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, *words], env=dict(environment), text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.about = json.loads(self._answer())

    def lap(self) -> Lap:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return Lap(**json.loads(self._answer()))

    def end(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()


def serve(work: Callable[[], object], about: Mapping[str, object]) -> None:
    """The other end of a `Runner`, after a warm-up: says what it is about, and works once for each line that comes."""
    work()
    print(json.dumps(about), flush=True)
    for _ in sys.stdin:
        before = resource.getrusage(resource.RUSAGE_SELF)
        seconds = timed(work)
        after = resource.getrusage(resource.RUSAGE_SELF)
        system = after.ru_stime - before.ru_stime
        processor = after.ru_utime - before.ru_utime + system
        lap = Lap(seconds, processor, system, after.ru_minflt - before.ru_minflt, after.ru_maxrss // 1024)
        print(json.dumps(vars(lap)), flush=True)
