"""What it is worth that glibc keeps freed memory: two processes that take turns, one JSON line a row.

    python scripts/benchmark_malloc.py [--sides 224 64] [--slices N] [--patients N] [--repeats N] [--works infer train]

Ours is the real inner loop on the phantom's images, loader to optimizer (`train`) or to scores (`infer`), in a process
that keeps memory. The reference is a bare timm loop on ready tensors of the same shapes, in a process as glibc is by
itself. Both have one thread.

`malloc_infer_224` …  slices per second of processor time, median of the repeats; ratio = ours / reference. `wall` are
                      their slices by the clock, `system` the share of processor time that the system took, `faults`
                      page faults a slice, `peak` the most memory in MB, each ours and the reference's.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median

import timm
import torch
from benchmark_timing import Lap, Runner, report, serve
from benchmark_training import training_in

from mmdx.config_file import parse_config
from mmdx.engine.assembly.resolve import resolve
from mmdx.engine.processes import KEPT_BY_USER
from mmdx.engine.scoring.score import score_rows
from mmdx.engine.training.loop import Training, train_epoch

ENCODER = "tf_efficientnet_lite0"
OURS, REFERENCE = "ours", "reference"


def training_of(folder: Path, name: str, side: int, slices: int, patients: int) -> Training:
    """A training on a small phantom with the image alone, in a run folder `name`."""
    raw = {
        "data": {
            "reader": {"type": "phantom", "patients": patients},
            "source": str(folder / "phantom"),
            "stores": str(folder / "stores"),
            "size": side,
        },
        "model": {"inputs": {"image": {"encoder": {"type": "timm", "name": ENCODER}, "sequence": "mean"}}},
        "train": {"slices": slices, "epochs": 1000},
        "run": str(folder / name),
    }
    return training_in(resolve(parse_config(raw, "benchmark")), folder / name)


def ours(training: Training, work: str) -> Callable[[], object]:
    setting = training.setting

    def train() -> None:
        training.progress = type(training.progress)()
        for _ in train_epoch(training):
            pass

    def infer() -> None:
        score_rows(training.saved, setting.store, setting.splits.rows("train"), ["image"], setting.accelerator)

    return train if work == "train" else infer


def bare(sizes: list[int], channels: int, side: int, work: str) -> Callable[[], object]:
    model = timm.create_model(ENCODER, in_chans=channels, num_classes=6)
    optimizer = torch.optim.AdamW(model.parameters())
    ready = [torch.randn(size, channels, side, side) for size in sizes]

    def train() -> None:
        model.train()
        for images in ready:
            model(images).square().mean().backward()
            optimizer.step()
            optimizer.zero_grad()

    @torch.inference_mode()
    def infer() -> None:
        model.eval()
        for images in ready:
            model(images)

    return train if work == "train" else infer


def child(asked: argparse.Namespace) -> None:
    """One of the two processes; the reference meets mmdx only for the shapes, with glibc as it is by itself."""
    training = training_of(asked.folder, f"{asked.part}-{asked.work}", asked.side, asked.slices, asked.patients)
    training.sampler.set_epoch(0)
    sizes = [len(batch.inputs["image"].values) for batch in training.loader]
    work = ours(training, asked.work)
    if asked.part == REFERENCE:
        channels = next(iter(training.loader)).inputs["image"].values.shape[1]
        work = bare(sizes, channels, asked.side, asked.work)
    serve(work, {"slices": sum(sizes)})


def row(asked: argparse.Namespace, folder: Path, side: int, work: str) -> None:
    words = [__file__, "--folder", str(folder), "--side", str(side), "--work", work]
    words += ["--slices", str(asked.slices), "--patients", str(asked.patients), "--part"]
    kept = {key: value for key, value in os.environ.items() if key not in (*KEPT_BY_USER, "GLIBC_TUNABLES")}
    kept["OMP_NUM_THREADS"] = "1"
    # What is so anyway, and leaves glibc to itself. Any MALLOC_…_ would stop it from raising its threshold by itself.
    plain = kept | {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=7"}
    runners = Runner([*words, OURS], kept), Runner([*words, REFERENCE], plain)
    laps: list[tuple[Lap, Lap]] = [(runners[0].lap(), runners[1].lap()) for _ in range(asked.repeats)]
    for runner in runners:
        runner.end()
    slices = runners[0].about["slices"]
    mine, other = ([pair[index] for pair in laps] for index in range(2))
    report(
        f"malloc_{work}_{side}",
        *(slices / median(lap.processor for lap in part) for part in (mine, other)),
        unit="slices/s of processor time",
        slices=slices,
        wall=[round(slices / median(lap.seconds for lap in part), 2) for part in (mine, other)],
        system=[round(sum(lap.system for lap in p) / sum(lap.processor for lap in p), 3) for p in (mine, other)],
        faults=[round(median(lap.faults for lap in part) / slices) for part in (mine, other)],
        peak=[max(lap.peak for lap in part) for part in (mine, other)],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sides", nargs="+", type=int, default=[224, 64])
    parser.add_argument("--works", nargs="+", choices=["infer", "train"], default=["infer", "train"])
    parser.add_argument("--slices", type=int, default=96)
    parser.add_argument("--patients", type=int, default=12)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--part", choices=[OURS, REFERENCE], help=argparse.SUPPRESS)
    parser.add_argument("--side", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--work", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.part is not None:
        child(asked)
        sys.exit()
    for side in asked.sides:
        for work in asked.works:
            with tempfile.TemporaryDirectory(prefix="mmdx-benchmark-") as folder:
                row(asked, Path(folder), side, work)


if __name__ == "__main__":
    main()
