"""The row of `benchmark.py` about memory.

`cross_attention_memory`  peak memory (MB) of one training step on a study of 256 slices and a report of 256 words,
                          fused by `cross_attention`, against `concat`. `fusion` is the same pair on encoded items
                          alone, without the encoders. Each is measured in a process of its own: on a GPU what torch
                          allocates, on a CPU how far the step raises the memory of the process.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Collection
from pathlib import Path

import numpy as np
import torch
from benchmark_timing import report

from mmdx.batch import Features, Sample
from mmdx.config import parse_config
from mmdx.data.collate import Collate
from mmdx.engine.build import InputFacts, ModelFacts, build_model
from mmdx.engine.objective import objective

MEMORY_ROWS = ("cross_attention_memory",)
SLICES, WORDS, VOCABULARY, SIDE, WIDTH = 256, 256, 1_000, 64, 128
MEASURE = "import sys, benchmark_memory as b; print(b.peak(b.STEPS[sys.argv[1]](sys.argv[2])))"


def memory_rows(wanted: Collection[str]) -> None:
    if "cross_attention_memory" in wanted:
        whole, alone = ([apart(step, fusion) for fusion in ("cross_attention", "concat")] for step in STEPS)
        device = "cuda" if torch.cuda.is_available() else "cpu"
        report("cross_attention_memory", *whole, unit="MB", slices=SLICES, fusion=alone, device=device)


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
    from mmdx.config import Component
    from mmdx.registry import FUSIONS

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


STEPS = {"training": training_step, "fusion": fusion_step}


def device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def peak(work: Callable[[], None]) -> float:
    """MB that `work` takes at its peak: what torch holds on a GPU, else what the process grows by."""
    if torch.cuda.is_available():
        work()
        return torch.cuda.max_memory_allocated() / 2**20
    before = memory("VmHWM")
    work()
    return memory("VmHWM") - before


def memory(field: str) -> float:
    """MB of this process, as the kernel counts them."""
    found = re.search(rf"{field}:\s+(\d+)", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


def apart(step: str, fusion: str) -> float:
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, step, fusion],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": path},
    )
    return round(float(done.stdout), 1)
