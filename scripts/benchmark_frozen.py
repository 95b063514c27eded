"""Epochs behind a frozen encoder that runs once, against epochs that encode again, timed in turn: one JSON line each.

    python scripts/benchmark_frozen.py [--store STORE] [--encoder NAME] [--pretrained WEIGHTS] [--repeats N]

Without a store, the phantom of `--patients` is prepared at `--size` pixels.

`encoding`       images/s of the encoding of the whole store, which is done once for each encoder.
`frozen_epoch`   studies/s of an epoch of training from what is kept, loader to optimizer, against the same epoch with
                 the encoder in it; aim 100 or more. Every fold and seed after the first encoding gains as much.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmark_timing import in_turn, report, timed
from benchmark_training import described, epoch

from mmdx.config_file import parse_config
from mmdx.data.store.store import Store
from mmdx.engine.assembly.loader import Share, build_loader
from mmdx.engine.assembly.resolve import resolve
from mmdx.engine.runs.setting import Setting
from mmdx.engine.scoring.encoded import encode_once
from mmdx.engine.training.loop import Training, set_up
from mmdx.kinds import KINDS

SEQUENCE = {"type": "lstm", "hidden": 64, "bidirectional": True, "answer": "max"}


def setting_of(folder: Path, options: argparse.Namespace) -> Setting:
    """The setting of a training of one image input of a store behind a frozen encoder."""
    encoder = {"type": "timm", "name": options.encoder, "pretrained": options.pretrained, "frozen": True}
    if options.store is None:
        reader = {"type": "phantom", "patients": options.patients}
        data: dict[str, Any] = {"reader": reader, "source": str(folder / "phantom"), "size": options.size}
        data["stores"], image = str(folder / "stores"), "image"
    else:
        data, modalities = {"store": str(options.store)}, Store(options.store).modalities
        image = next(name for name, facts in modalities.items() if KINDS[facts.kind].pictured)
    model = {"inputs": {image: {"encoder": encoder, "sequence": SEQUENCE}}}
    raw = {"data": data, "model": model, "train": {"slices": 96, "studies": 4, "epochs": 1000}}
    return described(resolve(parse_config(raw, "benchmark")), folder / "run")


def from_pixels(training: Training) -> Training:
    """The same training, whose encoder sees every image in every epoch."""
    saved, setting = replace(training.saved, encoded={}), training.setting
    rows, share = setting.splits.rows("train"), Share.of(setting.accelerator)
    loader, sampler = build_loader(saved.recipe, setting.store, rows, shuffle=True, share=share)
    return replace(training, saved=saved, loader=loader, sampler=sampler)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", type=Path, help="a store of images, where descriptors stay; the phantom if left out")
    parser.add_argument("--encoder", default="tf_efficientnet_lite0", help="a timm encoder")
    parser.add_argument("--pretrained", help="hub, a file, or an installed package; random weights when left out")
    parser.add_argument("--patients", type=int, default=24, help="patients of the phantom")
    parser.add_argument("--size", type=int, default=224, help="pixels of an image of the phantom")
    parser.add_argument("--repeats", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mmdx-benchmark-") as place:
        setting = setting_of(Path(place), options)
        trainings: list[Training] = []
        seconds = timed(lambda: trainings.append(set_up(setting, resume=False)))
        (training,) = trainings
        if timed(lambda: encode_once(training.saved, setting)) > 1:
            raise SystemExit("what was encoded is encoded again")
        count = sum(len(vectors.values) for vectors in training.saved.encoded.values())
        print(json.dumps({"name": "encoding", "images": count, "images/s": round(count / seconds, 1)}), flush=True)
        again = from_pixels(training)
        ours, reference = in_turn(lambda: epoch(training), lambda: epoch(again), options.repeats)
        studies = len(setting.splits.rows("train"))
        report("frozen_epoch", studies / ours, studies / reference, unit="studies/s", studies=studies)


if __name__ == "__main__":
    main()
