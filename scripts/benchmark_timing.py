"""How the benchmark times a pair, and the line that it prints."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable

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
