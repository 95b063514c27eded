"""How a result varies over the folds of a cross-validation: beside the patients, a second source of variation.

An interval over patients says how the value of all folds together would vary with other patients. The spread over
folds says how much the models differ, each trained on other patients and tested on the few of its fold. The two are
never added up.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mmdx.errors import DataError
from mmdx.stats.cohort.cohort import read_cohort
from mmdx.stats.cohort.counts import mean_columns
from mmdx.stats.comparison.measured import Measured
from mmdx.stats.metrics.registry import METRICS
from mmdx.stats.report.tables import Sheet
from mmdx.stats.report.words import bracketed
from mmdx.stats.significance.corrections import Key


@dataclass(frozen=True)
class Spread:
    """One metric by fold, in the order of the folds: None where a fold lacks a class of the finding."""

    values: tuple[float | None, ...]

    @property
    def defined(self) -> list[float]:
        return [value for value in self.values if value is not None]

    def to_json(self) -> dict[str, Any]:
        values = self.defined
        summary = (float(np.mean(values)), min(values), max(values)) if values else (None, None, None)
        return dict(zip(("mean", "lowest", "highest"), summary, strict=True)) | {"folds": list(self.values)}


def spread_over(folds: Sequence[Path]) -> dict[Key, Spread]:
    """Every metric of every arm and finding by fold, from the folds' prediction files; finding None is the macro mean.

    A fold's macro mean is over the findings of which it has both classes, complements counting once. Raises `DataError`
    where a file is bad, or the folds were shown different modalities or scored for different findings.
    """
    by_fold = [_scores(path) for path in folds]
    for path, scores in zip(folds, by_fold, strict=True):
        if scores.keys() != by_fold[0].keys():
            raise DataError(f"{path}: scores other arms or findings than {folds[0]}; score every fold alike")
    return {key: Spread(tuple(scores[key] for scores in by_fold)) for key in by_fold[0]}


def spread_sheet(spreads: dict[Key, Spread], metrics: Sequence[str], *, finding: str | None = None) -> Sheet:
    """One row per arm: the mean over the folds and, in brackets, the lowest and the highest."""
    arms = list(dict.fromkeys(arm for arm, _, _ in spreads))
    cells = [[spread_cell(spreads[arm, metric, finding]) for metric in metrics] for arm in arms]
    count = len(next(iter(spreads.values())).values)
    title = f"{finding or 'Macro mean'} over {count} folds: mean [lowest, highest]"
    header = ("model", *(METRICS[metric].title for metric in metrics))
    return Sheet(title, header, tuple((arm, *row) for arm, row in zip(arms, cells, strict=True)))


def spread_records(spreads: dict[Key, Spread]) -> list[dict[str, Any]]:
    """For a JSON file: one record per arm, metric and finding, `finding` null for macro means."""
    return [
        {"arm": arm, "metric": metric, "finding": finding} | spread.to_json()
        for (arm, metric, finding), spread in spreads.items()
    ]


def _scores(path: Path) -> dict[Key, float | None]:
    cohort = read_cohort([path])
    values = Measured(cohort, mean_columns(cohort)).points()
    scores: dict[Key, float | None] = {}
    for a, arm in enumerate(cohort.arms):
        for m, metric in enumerate(METRICS):
            for f, finding in [*enumerate(cohort.findings), (-1, None)]:
                value = float(values[a, m, f])
                scores[arm.name, metric, finding] = None if math.isnan(value) else value
    return scores


def spread_cell(spread: Spread) -> str:
    """`0.812 [0.790, 0.840]`: mean, lowest and highest, and of how many folds where some lack a class."""
    values = spread.defined
    if not values:
        return "undefined"
    count = "" if len(values) == len(spread.values) else f" ({len(values)} folds)"
    return f"{bracketed(float(np.mean(values)), min(values), max(values))}{count}"
