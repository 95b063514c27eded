"""Ours against a reference, timed in turn in one run: one JSON line a pair, `{name, ours, reference, ratio, …}`.

    python scripts/benchmark.py [--only NAME …] [--repeats N]

`train_step`  slices/s of the real inner loop, loader to optimizer, against a bare timm forward and backward on ready
              tensors of the same shapes; ratio = ours / reference, 1 is as fast as can be.
`packed`      slices/s of the encoder on packed slices, against the same studies padded to the longest; above 1 is
              gained.
`latency`     seconds from the files of one study to its findings, as `mmdx predict` finds them with a model at hand,
              against decoding the same files and a bare forward of the encoder; ratio = ours / reference. `reading`
              is what the reader takes before: headers, and the order of slices.
`startup`     seconds of `mmdx --help` and of `import mmdx`, against `python -c pass`; ratio = ours / reference.

`benchmark_stages.py` times a second stage on descriptors (`second_stage_epoch`). `benchmark_store.py` says what the
rows of the store are: `ingest`, `ingest_2_cores`, `ingest_monai`, `epoch`, `store_open`, `store_memory`;
`benchmark_memory.py` what `cross_attention_memory` is. `benchmark_compare.py` times the statistics (`compare`).
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import cast

import timm
import torch
from benchmark_memory import MEMORY_ROWS, memory_rows
from benchmark_store import STORE_ROWS, store_rows
from benchmark_timing import in_turn, report
from benchmark_training import training_in

from mmdx.batch import Batch
from mmdx.config_file import parse_config
from mmdx.data.images.decode import decode
from mmdx.data.readers.detect import detect_reader
from mmdx.engine.assembly.resolve import resolve
from mmdx.engine.inference.predict import predict_study
from mmdx.engine.training.loop import Training, train_epoch
from mmdx.models.branches.images import ImageBranch
from mmdx.models.packing import item_mask, pad
from mmdx.registry import READERS
from mmdx.study import ImageFiles, Study

ENCODER = "resnet18"
SIDE = 64


def training_of(folder: Path) -> Training:
    """A training on a small phantom with the image alone, its encoder by far the largest part."""
    raw = {
        "data": {
            "reader": {"type": "phantom", "patients": 60},
            "source": str(folder / "phantom"),
            "stores": str(folder / "stores"),
            "size": SIDE,
        },
        "model": {"inputs": {"image": {"encoder": {"type": "timm", "name": ENCODER}, "sequence": "lstm"}}},
        "train": {"slices": 96, "epochs": 1000, "clip": 1.0},
        "run": str(folder / "run"),
    }
    training = training_in(resolve(parse_config(raw, "benchmark")), folder / "run")
    training.setting.accelerator.init_trackers("benchmark")
    return training


def train_step(training: Training, repeats: int) -> None:
    """One epoch of ours against as many bare steps on tensors of the very same batch sizes."""
    device = training.setting.accelerator.device
    sizes = batch_sizes(training)
    view = image_branch(training).view
    bare = timm.create_model(ENCODER, in_chans=view.channels, num_classes=len(training.saved.facts.findings)).to(device)
    optimizer = torch.optim.AdamW(bare.parameters())
    ready = [torch.randn(n, view.channels, SIDE, SIDE, device=device) for n in sizes]

    def ours() -> None:
        # The same epoch each time: the same batches as the reference.
        training.progress = type(training.progress)()
        for _ in train_epoch(training):
            pass

    def reference() -> None:
        for images in ready:
            bare(images).square().mean().backward()
            optimizer.step()
            optimizer.zero_grad()

    seconds = in_turn(ours, reference, repeats)
    total = sum(sizes)
    report("train_step", total / seconds[0], total / seconds[1], unit="slices/s", slices=total, device=str(device))


def image_branch(training: Training) -> ImageBranch:
    return cast(ImageBranch, training.saved.model.branches["image"])


def batch_sizes(training: Training) -> list[int]:
    training.sampler.set_epoch(0)
    return [len(batch.inputs["image"].values) for batch in training.loader]


def packed(training: Training, repeats: int) -> None:
    """Forward and backward of the encoder on one epoch, packed and padded."""
    device, branch = training.setting.accelerator.device, image_branch(training)
    training.sampler.set_epoch(0)
    batches = [batch.to(device) for batch in training.loader]

    def encode(images: torch.Tensor) -> None:
        branch.encoder(branch.view(images)).sum().backward()

    def padded_images(batch: Batch) -> torch.Tensor:
        inputs = batch.inputs["image"]
        return pad(inputs.values, item_mask(inputs.lengths)).flatten(0, 1)

    padded = [padded_images(batch) for batch in batches]
    seconds = in_turn(
        lambda: [encode(batch.inputs["image"].values) for batch in batches],
        lambda: [encode(images) for images in padded],
        repeats,
    )
    real = sum(len(batch.inputs["image"].values) for batch in batches)
    blank = sum(map(len, padded)) - real
    report("packed", real / seconds[0], real / seconds[1], unit="slices/s", real=real, blank=blank)


def latency(training: Training, repeats: int) -> None:
    """One study of the phantom, its raw DICOM files in the page cache."""
    data, saved = training.setting.config.data, training.saved
    assert data.reader is not None
    assert data.source is not None

    def read() -> list[Study]:
        return READERS.build(detect_reader(folder), root=folder)

    whole = next(s for s in READERS.build(data.reader, root=data.source) if "image" in s.modalities)
    folder = cast(ImageFiles, whole.modalities["image"]).images[0].path.parent
    study = read()[0]
    files = next(value for value in study.modalities.values() if isinstance(value, ImageFiles))
    branch, device = image_branch(training), training.setting.accelerator.device
    encoder = saved.model.eval() and branch.encoder

    def reference() -> None:
        pixels = torch.from_numpy(decode(files, SIDE).pixels).to(device)
        with torch.inference_mode():
            encoder(branch.view(pixels)).cpu()

    seconds = in_turn(lambda: predict_study(saved, study, modality="image"), reference, repeats)
    reading = in_turn(read, lambda: None, repeats)[0]
    report("latency", *seconds, unit="s", slices=len(files.images), reading=round(reading, 4), device=str(device))


def startup(repeats: int) -> None:
    """Whole processes, as a shell starts them."""

    def process(*arguments: str) -> Callable[[], object]:
        return lambda: subprocess.run([sys.executable, *arguments], check=True, capture_output=True)

    for name, arguments in {
        "startup_help": ("-m", "mmdx.cli", "--help"),
        "startup_import": ("-c", "import mmdx"),
    }.items():
        ours, reference = in_turn(process(*arguments), process("-c", "pass"), max(5, repeats))
        report(name, ours, reference, unit="s")


def training_rows(wanted: Collection[str], repeats: int) -> None:
    if {"train_step", "packed", "latency"} & set(wanted):
        with tempfile.TemporaryDirectory(prefix="mmdx-benchmark-") as folder:
            training = training_of(Path(folder))
            if "train_step" in wanted:
                train_step(training, repeats)
            if "packed" in wanted:
                packed(training, repeats)
            if "latency" in wanted:
                latency(training, repeats)


def main(arguments: Sequence[str] | None = None) -> None:
    rows = ["startup", "train_step", "packed", "latency", *MEMORY_ROWS, *STORE_ROWS]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=rows, default=rows)
    parser.add_argument("--repeats", type=int, default=3)
    chosen = parser.parse_args(arguments)
    if "startup" in chosen.only:
        startup(chosen.repeats)
    training_rows(chosen.only, chosen.repeats)
    memory_rows(chosen.only)
    store_rows(chosen.only, chosen.repeats)


if __name__ == "__main__":
    main()
