"""Whether `mmdx inputs` finds what was planted: small cohorts of four kinds, a model trained on each.

    python scripts/simulate_inputs.py --out FOLDER [--cohorts 20] [--patients 400] [--kinds nothing leaking additive
                                      interaction]

A study has one descriptor of an image, of which one number z tells something of the label, and a report of one sentence
with a cue. `nothing`: the report tells nothing. `leaking`: it states the label, and the image tells a little.
`additive`: both tell something, independently once the label is known. `interaction`: the label is whether exactly one
of the two is positive, but for one study in ten, so that neither alone tells anything.

What is counted over the cohorts: that exchanging the report changes nothing (the interval of what it costs holds 0),
that the model is said to answer from the report alone and that reports of patients with the other label change more
than half of its decisions, that the interval of what it gains over the sum of its inputs holds 0, or lies above.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from planted_inputs import KINDS, Planted
from rich.console import Console
from rich.table import Table

import mmdx


def measured(home: Path, kind: Planted, patients: int, seed: int) -> Mapping[str, Any]:
    """Trains a model on a cohort, and returns what is found of its inputs."""
    shutil.rmtree(home, ignore_errors=True)
    config = {
        "seed": seed,
        "plugins": ["planted_inputs"],
        "data": {
            "reader": {"type": "planted_inputs", "kind": kind, "patients": patients, "seed": seed},
            "source": str(home / "raw"),
            "store": str(home / "store"),
            "split": {"val": 0.15, "test": 0.35},
        },
        "model": {
            "inputs": {"image": "mlp", "report": "bag_and_sequence"},
            "fusion": "gated",
            "dim": 16,
            "modality_dropout": {"image": 0.1, "report": 0.1},
        },
        "train": {"epochs": 10, "lr": 0.03, "studies": 32},
    }
    run = mmdx.train(config, run=home / "run")
    (record,) = mmdx.inputs(run).record
    return record


def verdicts(kind: Planted, record: Mapping[str, Any]) -> dict[str, bool]:
    """What was to be found, and whether it was."""
    costs = {swap["input"]: swap["drop"] for swap in record["swaps"] if swap["lender"] == "any"}
    gain = record["together"]["image"]["gain"]
    holds = {name: drop["low"] <= 0 <= drop["high"] for name, drop in costs.items()}
    if kind == "nothing":
        return {"exchanging the report changes nothing": holds["report"]}
    if kind == "leaking":
        flips = next(s["flips"] for s in record["swaps"] if (s["input"], s["lender"]) == ("report", "opposite"))
        alone = record["verdicts"] == {"image": "unused", "report": "used"}
        return {"answers from the report alone": alone, "half of the decisions flip": flips["value"] > 0.5}
    if kind == "additive":
        return {"no more than a sum": gain["low"] <= 0 <= gain["high"], "both are used": not any(holds.values())}
    return {"more than a sum": gain["low"] > 0}


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cohorts", type=int, default=20)
    parser.add_argument("--patients", type=int, default=400)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    return parser.parse_args()


if __name__ == "__main__":
    asked = options()
    table = Table("planted", "found", "cohorts", "AUROC", "gain")
    for kind in asked.kinds:
        counts: dict[str, int] = {}
        aurocs, gains = [], []
        for seed in range(asked.cohorts):
            record = measured(asked.out / kind, kind, asked.patients, seed)
            aurocs.append(record["auroc"]["value"])
            gains.append(record["together"]["image"]["gain"]["value"])
            for what, found in verdicts(kind, record).items():
                counts[what] = counts.get(what, 0) + found
            costs = [
                f"{s['drop']['low']:.4f} to {s['drop']['high']:.4f}" for s in record["swaps"] if s["lender"] == "any"
            ]
            print(kind, seed, verdicts(kind, record), f"{aurocs[-1]:.3f} {gains[-1]:.3f}", *costs, flush=True)
        for what, count in counts.items():
            mean = f"{np.mean(aurocs):.3f}", f"{np.mean(gains):.3f}"
            table.add_row(kind, what, f"{count} of {asked.cohorts}", *mean)
    Console().print(table)
