"""The row of `benchmark.py` about memory.

`cross_attention_memory`  peak memory (MB) of one training step on a study of 256 slices and a report of 256 words,
                          fused by `cross_attention`, against `concat`. `fusion` is the same pair on encoded items
                          alone, without the encoders. Counted is what torch allocates, beyond weights and batch.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from itertools import accumulate
from typing import Any

import numpy as np
import torch
from benchmark_timing import report
from torch.profiler import ProfilerActivity, profile

from mmdx.batch import Features, Sample
from mmdx.config_file import parse_config
from mmdx.data.loading.collate import Collate
from mmdx.engine.assembly.facts import ModelFacts
from mmdx.engine.assembly.model import build_model
from mmdx.engine.training.objective import objective
from mmdx.models.facts import InputFacts
from mmdx.registry import FUSIONS
from mmdx.schema import Component

MEMORY_ROWS = ("cross_attention_memory",)
SLICES, WORDS, VOCABULARY, SIDE, WIDTH = 256, 256, 1_000, 64, 128


def memory_rows(wanted: Collection[str]) -> None:
    if "cross_attention_memory" in wanted:
        pair = ("cross_attention", "concat")
        whole, alone = ([peak(step(fusion)) for fusion in pair] for step in (training_step, fusion_step))
        report("cross_attention_memory", *whole, unit="MB", slices=SLICES, fusion=alone, device=device().type)


def training_step(fusion: str) -> Callable[[], None]:
    """One study through a whole model and back, and a step of the optimizer."""
    raw = {
        "data": {"store": "none"},
        "model": {"inputs": {"image": "timm", "report": "bilstm_attention"}, "fusion": fusion, "dim": WIDTH},
    }
    inputs = {"image": InputFacts("images"), "report": InputFacts("text", vocabulary=VOCABULARY)}
    model, _ = build_model(parse_config(raw, "benchmark"), ModelFacts(("bleed",), SIDE, inputs))
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (SLICES, 1, SIDE, SIDE), np.uint8)
    given = {"image": pixels, "report": rng.integers(2, VOCABULARY, WORDS)}
    study = Sample("s", "p", given, np.ones(1, np.float32), {})
    collate = Collate({"image": ((1, SIDE, SIDE), np.dtype("uint8")), "report": ((), np.dtype("int64"))})
    batch, model = collate([study]).to(device()), model.to(device()).train()
    optimizer = torch.optim.AdamW(model.parameters())

    def work() -> None:
        objective(model, model(batch), batch)["loss"].backward()
        optimizer.step()

    return work


def fusion_step(fusion: str) -> Callable[[], None]:
    """The fusion of one study's encoded items, forward and backward."""
    sizes = {"image": WIDTH, "report": WIDTH}
    part = FUSIONS.build(Component(type=fusion), modalities=sizes, dim=WIDTH).to(device())
    seen = {
        name: Features(
            torch.randn(1, count, WIDTH, device=device(), requires_grad=True),
            torch.ones(1, count, dtype=torch.bool, device=device()),
            torch.randn(1, WIDTH, device=device(), requires_grad=True),
        )
        for name, count in {"image": SLICES, "report": WORDS}.items()
    }
    return lambda: part(seen).sum().backward()


def device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def peak(work: Callable[[], None]) -> float:
    """MB that `work` makes torch allocate at once, beyond what it held before."""
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        work()
        return round((torch.cuda.max_memory_allocated() - before) / 2**20, 1)
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        work()
    # Each allocation and, with a negative size, each release.
    profiler: Any = seen.profiler
    events = [event for event in profiler.kineto_results.events() if event.name() == "[memory]"]
    changes = sorted((event.start_ns(), event.nbytes()) for event in events)
    return round(max(accumulate(size for _, size in changes)) / 2**20, 1)
