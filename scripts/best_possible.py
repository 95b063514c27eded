"""Runs on the phantom against the best possible reader of the very studies that they were tested on.

    python scripts/best_possible.py runs/phantom-1 runs/phantom-2 [--image-only runs/image-1 runs/image-2]

The phantom records every study's true log-odds given each set of modalities: scored as a model, they are what no model
can beat but by luck. Prints the macro AUROC of each showing, of the best reader, and their paired difference with its
interval over patients, run by run; with `--image-only`, also the fallback of each run (its report withheld) against
the run in the same place that was trained on images alone.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from mmdx.data.store.store import Store
from mmdx.stats.cohort.predictions import read_predictions
from mmdx.stats.comparison.compare import Comparison, compare
from mmdx.stats.report.words import with_interval


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--image-only", nargs="*", type=Path, default=[])
    options = parser.parse_args()
    gaps: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for run in options.runs:
            scores = read_predictions(run / "predictions" / "test.csv")
            for shown in scores["shown"].unique():
                mine, best = Path(folder, "model.csv"), Path(folder, "best.csv")
                part = scores.loc[scores["shown"] == shown]
                part.to_csv(mine, index=False)
                best_reader(part, run).to_csv(best, index=False)
                tell(f"{run.name} {shown}", "best possible", found := compare([best, mine]), sign=-1)
                gaps.setdefault(shown, []).append(_difference(found))
        for run, alone in zip(options.runs, options.image_only, strict=False):
            scores, rows = read_predictions(run / "predictions" / "test.csv"), Path(folder, "fallback.csv")
            shown = str(read_predictions(alone / "predictions" / "test.csv")["shown"].iloc[0])
            scores.loc[scores["shown"] == shown].to_csv(rows, index=False)
            tell(f"{run.name} {shown}", alone.name, found := compare([alone, rows]), sign=-1)
            gaps.setdefault(f"fallback to {shown}", []).append(_difference(found))
    for shown, values in gaps.items():
        spread = f", sd {np.std(values, ddof=1):.3f}" if len(values) > 1 else ""
        print(f"mean over {len(values)} runs, {shown}: {-np.mean(values):+.3f}{spread}")


def best_reader(scores: pd.DataFrame, run: Path) -> pd.DataFrame:
    """The rows of `scores` with the probability that honest evidence gives: the recorded log-odds of what is shown."""
    known = json.loads((run / "environment.json").read_text(encoding="utf-8"))["store"]
    store = Store(Path(known["folder"]))
    row_of = {study: row for row, study in enumerate(store.study_ids)}
    traits = {study: store.read(row_of[study]).traits() for study in scores["study_id"].unique()}
    odds = [
        float(traits[study][f"log_odds/{_held(traits[study], shown)}/{finding}"])
        for study, shown, finding in zip(scores["study_id"], scores["shown"], scores["finding"], strict=True)
    ]
    return scores.assign(score=[1 / (1 + math.exp(-value)) for value in odds])


def _held(traits: dict, shown: str) -> str:
    """`shown` without what the study lacks: log-odds are recorded for the sets of modalities that it has."""
    known = {name.split("/")[1] for name in traits if name.startswith("log_odds/")}
    names = [name for name in shown.split("+") if any(name in held.split("+") for held in known)]
    return next(held for held in known if set(held.split("+")) == set(names))


def tell(model: str, reference: str, found: Comparison, *, sign: int) -> None:
    first, second = found.arms
    difference = found.differences[second.name, "auroc", None].estimate
    ends = [sign * end for end in (difference.low, difference.high) if end is not None]
    bounds = f" [{min(ends):+.3f}, {max(ends):+.3f}]" if ends else ""
    model_value, reference_value = (with_interval(found.estimates[arm.name, "auroc", None]) for arm in (second, first))
    print(
        f"{model}: {model_value}, {reference} {reference_value}, difference {sign * difference.value:+.3f}{bounds} "
        f"({found.patients} patients)"
    )


def _difference(found: Comparison) -> float:
    return found.differences[found.arms[1].name, "auroc", None].estimate.value


if __name__ == "__main__":
    main()
