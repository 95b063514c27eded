"""Tries mutated model folders and stores: `python scripts/fuzz.py model store --count 2000 --out /tmp/fuzz`.

What they are made of is trained once, in `--out`, on a small phantom. Each line of what went wrong ends in how to try
that case again: `python scripts/fuzz.py model --seed 0 --only 17 --out /tmp/fuzz`.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

os.environ |= {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}  # whatever a stranger names, nothing is fetched

import torch
from fuzz_model import ModelCases
from fuzz_store import StoreCases
from fuzzing import GOOD, leave, run_cases

import mmdx

BASE = {
    "data": {
        "reader": {"type": "phantom", "patients": 24, "matrix": 64, "prevalence": 0.3},
        "size": 32,
        "findings": ["any", "subdural"],
        "tables": {"clinic": ["age", "sex"]},
    },
    "model": {
        "inputs": {
            "image": {"encoder": {"type": "timm", "name": "test_resnet"}, "sequence": {"type": "lstm", "hidden": 8}},
            "report": {"encoder": {"type": "bag_and_sequence", "rank": 4, "embedding": 8, "hidden": 8}},
            "clinic": "table_mlp",
        },
        "dim": 16,
        "heads": {"study": "study", "slice": "slice"},
        "modality_dropout": 0.3,
    },
    "train": {"epochs": 1, "slices": 24, "studies": 8, "final": "best"},
}


def base(out: Path) -> Path:
    """The run that all cases are made of."""
    run = out / "run"
    if not (run / "card.md").is_file():
        raw = {**BASE, "data": {**BASE["data"], "source": str(out / "raw"), "stores": str(out / "stores")}}
        mmdx.train(mmdx.config(raw), run=run)
    return run


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="+", choices=["model", "store"])
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="the number of the one case to try, in this process")
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    asked = options()
    torch.set_num_threads(1)
    run, wrong = base(asked.out.resolve()), False
    for name in asked.what:
        cases = ModelCases(run / "checkpoints" / "best") if name == "model" else StoreCases(run)
        outcomes = run_cases(name, cases.make, cases.attempt, asked.count, asked.seed, only=asked.only)
        leave(outcomes, asked.out / f"{name}-{asked.seed}.jsonl")
        wrong |= any(outcome.kind not in GOOD for outcome in outcomes)
    sys.exit(wrong)
