"""The share of the gap that each method of guidance recovers, over several runs that differ in their seed.

    python scripts/guided_seeds.py RUN RUN …

Each RUN is a folder that `mmdx train` left for a config with `guidance`. Test studies of all runs lie side by side: an
AUROC counts pairs of studies within a run, and intervals are over patients, each of whom brings the studies of all runs
that tested them. Prints the gap and one line per method: its share in each run, and that over all with its interval.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from mmdx.files import RunLayout
from mmdx.stats.comparison.compare import compare
from mmdx.stats.comparison.recovery import Recovery, recovered
from mmdx.stats.resampling.intervals import Estimate

RECOVERY = "recovery.json"


def stages(runs: Sequence[Path]) -> list[str]:
    """The superior and the inferior model, and the methods that all runs have."""
    shares = [json.loads((run / RECOVERY).read_text(encoding="utf-8"))["shares"] for run in runs]
    return ["superior", "inferior", *(name for name in shares[0] if all(name in others for others in shares))]


def pooled(runs: Sequence[Path], stage: str, folder: Path) -> Path:
    """A folder like that of a cross-validation, whose folds are the runs."""
    tables = []
    for fold, run in enumerate(runs):
        table = pd.read_csv(RunLayout(run).predictions / f"{stage}.csv", dtype={"study_id": str, "patient_id": str})
        table["study_id"] = [f"{fold}/{study}" for study in table["study_id"]]
        tables.append(table.assign(fold=fold))
    table = pd.concat(tables)
    layout = RunLayout(folder / stage)
    layout.predictions.mkdir(parents=True)
    table.drop(columns="fold").to_csv(layout.predictions / "test.csv", index=False)
    table[["study_id", "patient_id", "fold"]].drop_duplicates().to_csv(layout.folds, index=False)
    return layout.folder


def recovery_of(runs: Sequence[Path], names: Sequence[str]) -> Recovery:
    with tempfile.TemporaryDirectory() as folder:
        places = [pooled(runs, stage, Path(folder)) for stage in names]
        return recovered(places, compare(places))


def said(estimate: Estimate) -> str:
    bounds = f"no interval: {estimate.refused}" if estimate.refused else f"{estimate.low:.2f} to {estimate.high:.2f}"
    return f"{estimate.value:.2f} ({bounds})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path)
    runs = parser.parse_args().runs
    names = stages(runs)
    every = recovery_of(runs, names)
    by_run = [recovery_of([run], names) for run in runs]
    print(f"gap ({every.metric}): {said(every.gap)}; by run {', '.join(f'{one.gap.value:.3f}' for one in by_run)}")
    for name, share in every.shares.items():
        print(f"{name:12} {said(share)}; by run {', '.join(f'{one.shares[name].value:.2f}' for one in by_run)}")


if __name__ == "__main__":
    main()
