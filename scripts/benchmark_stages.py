"""A second stage on descriptors against training end to end, timed in turn: one JSON line (see `benchmark.py`).

    python scripts/benchmark_stages.py [--repeats N]

`second_stage_epoch`  studies/s of an epoch of a BiLSTM over descriptors, loader to optimizer, against an epoch of the
                      same BiLSTM behind its encoder, on the same studies; aim 50 or more.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmark_timing import in_turn, report
from benchmark_training import epoch, training_in

from mmdx.config_file import parse_config
from mmdx.data.store.store import Store
from mmdx.engine.assembly.resolve import resolve
from mmdx.engine.assembly.saved import write_weights
from mmdx.engine.scoring.descriptors import OWN, Describer, Extraction, extract
from mmdx.engine.training.loop import Training

ENCODER, SIDE = "resnet18", 64
SEQUENCE = {"type": "lstm", "hidden": 64, "bidirectional": True, "answer": "max"}
IMAGES = {"encoder": {"type": "timm", "name": ENCODER, "frozen": True}, "sequence": SEQUENCE}
TRAINED = {"encoder": {"type": "timm", "name": ENCODER}, "sequence": SEQUENCE}


def training_of(folder: Path, name: str, section: dict[str, Any], data: dict[str, Any]) -> tuple[Training, Store]:
    heads = {"study": "study", "slice": {"type": "slice", "modality": "image"}}
    raw = {
        "data": data,
        "model": {"inputs": {"image": section}, "heads": heads},
        "train": {"slices": 96, "epochs": 1000},
        "run": str(folder / name),
    }
    training = training_in(resolve(parse_config(raw, "benchmark")), folder / name)
    return training, training.setting.store


def described(folder: Path, training: Training, store: Store) -> Path:
    """What the frozen, untrained encoder says: the numbers do not matter here, their size does."""
    saved, best = training.saved, training.setting.run.best
    write_weights(best, saved.model)
    own = {OWN: Describer(saved, best, frozenset())}
    made = Extraction(folder, own, [OWN] * len(store), ["image"], folds=None)
    extract(made, replace(training.setting, splits=store.splits), folder / "descriptors")
    return folder / "descriptors"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args().repeats
    with tempfile.TemporaryDirectory(prefix="mmdx-benchmark-") as place:
        folder = Path(place)
        phantom = {"reader": {"type": "phantom", "patients": 60}, "source": str(folder / "phantom"), "size": SIDE}
        data = phantom | {"stores": str(folder / "stores")}
        frozen, store = training_of(folder, "frozen", IMAGES, data)
        whole, _ = training_of(folder, "whole", TRAINED, data)
        vectors = {"store": str(described(folder, frozen, store))}
        second, _ = training_of(folder, "second", {"encoder": "plain", "sequence": SEQUENCE}, vectors)
        ours, reference = in_turn(lambda: epoch(second), lambda: epoch(whole), repeats)
        studies = len(store.splits.rows("train"))
        report("second_stage_epoch", studies / ours, studies / reference, unit="studies/s", studies=studies)


if __name__ == "__main__":
    main()
