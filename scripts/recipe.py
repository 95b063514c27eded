"""What a recipe is worth on a cohort: cross-validations of one config over several deals of folds and several seeds.

    python scripts/recipe.py CONFIG OUT [key=value ...] [--deals 0 1] [--seeds 0 1 2]

Trains one run below OUT for each deal and seed (those that are done are read) and prints, for each and over all, the
macro AUROC over findings of the slices where these judge, else of the studies: the mean of the folds, pairs within a
fold, and pooled over folds. The last lines have their means and standard deviations, and those of each baseline.
`docs/recipe.md` holds the tables.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console
from sklearn.metrics import roc_auc_score

from mmdx.engine.assembly.resolve import read_resolved
from mmdx.engine.experiments.run import train
from mmdx.files import BASELINES, SLICES, RunLayout
from mmdx.schema import Config


def measures(table: pd.DataFrame) -> dict[str, float]:
    """Macro AUROC of one showing of a cross-validation: `folds` (mean of folds), `within` (pairs within a fold) and
    `pooled`."""
    by_fold, within, pooled = [], [], []
    for _, rows in table.groupby("finding", sort=False):
        folds = [part for _, part in rows.groupby("fold") if part["label"].nunique() == 2]
        if not folds:
            continue
        areas = np.array([roc_auc_score(part["label"], part["score"]) for part in folds])
        pairs = np.array([part["label"].sum() * (1 - part["label"]).sum() for part in folds])
        within.append(float(pairs @ areas / pairs.sum()))
        pooled.append(float(roc_auc_score(rows["label"], rows["score"])))
    for _, part in table.groupby("fold"):
        labelled = [rows for _, rows in part.groupby("finding") if rows["label"].nunique() == 2]
        by_fold.append(np.mean([roc_auc_score(rows["label"], rows["score"]) for rows in labelled] or [np.nan]))
    return {"folds": float(np.nanmean(by_fold)), "within": float(np.mean(within)), "pooled": float(np.mean(pooled))}


def results(run: RunLayout, config: Config) -> dict[str, dict[str, float]]:
    """The measures of what the run was shown first, and of each of its baselines."""
    level = (SLICES,) if config.train.judge == "slices" else ()
    tables = [pd.read_csv(run.scores("test", *kinds)) for kinds in (level, (*level, BASELINES))]
    ours, baselines = (list(table.dropna(subset=["label"]).groupby("shown", sort=False)) for table in tables)
    return {str(name): measures(rows) for name, rows in [ours[0], *baselines]}


def trained(options: argparse.Namespace, deal: int, seed: int) -> tuple[RunLayout, Config, float]:
    run = RunLayout(options.out / f"deal-{deal}" / f"seed-{seed}")
    places = [f"run={run.folder}", f"data.folds.seed={deal}", f"seed={seed}"]
    config = read_resolved(options.config, [*options.overrides, *places])
    begin = time.perf_counter()
    if not run.card.is_file():
        train(config, name="recipe", console=Console(quiet=True), resume=run.config.is_file())
    return run, config, time.perf_counter() - begin


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--deals", type=int, nargs="+", default=[0, 1], help="seeds by which patients are dealt")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("overrides", nargs="*", help="key=value, as for mmdx train")
    options = parser.parse_intermixed_args()
    rows = []
    for deal in options.deals:
        for seed in options.seeds:
            run, config, seconds = trained(options, deal, seed)
            by_name = results(run, config)
            rows += [{"shown": name, **values} for name, values in by_name.items()]
            ours = {key: round(value, 3) for key, value in next(iter(by_name.values())).items()}
            print(json.dumps({"deal": deal, "seed": seed, "seconds": round(seconds, 1), **ours}), flush=True)
    table = pd.DataFrame(rows)
    for name, part in table.groupby("shown", sort=False):
        values = {key: f"{part[key].mean():.3f} ± {part[key].std(ddof=0):.3f}" for key in ("folds", "within", "pooled")}
        print(json.dumps({"shown": name, "runs": len(part), **values}), flush=True)


if __name__ == "__main__":
    main()
