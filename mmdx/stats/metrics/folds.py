"""How metrics count the rows of a cross-validation, each of which one of several models scored.

Scores of two models do not mean the same, so that what depends on their order counts within folds. The AUROC counts
pairs of a positive and a negative row of one fold: its value is the mean over folds, each weighted by its pairs. The
average precision and the operating points, which a fold of few rows would flatter, take the rank of a row in its fold
for its score. Whatever else is made of single rows (log loss, Brier score, calibration, answers at the threshold of
each fold) takes the scores as they are. `scripts/simulate_folds.py` holds these ways against others.

In shapes, n is the number of rows and r of resamples. Folds are numbers per row; None stands for a single model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, Integer
from scipy.stats import rankdata

from mmdx.stats.metrics import ranking
from mmdx.stats.metrics.ranking import Ladder, Steps, steps_of
from mmdx.stats.metrics.registry import Metric

Folds = Int[np.ndarray, "n"] | None


def fold_rows(folds: Int[np.ndarray, "n"]) -> list[Int[np.ndarray, "m"]]:
    """The rows of each fold."""
    order = np.argsort(folds, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(folds[order])) + 1)


def ranks_within(scores: Float[np.ndarray, "n"], folds: Folds) -> Float[np.ndarray, "n"]:
    """The rank of each row in its fold, as a share between 0 and 1; ties have their mean rank."""
    ranks = np.empty(len(scores))
    for rows in [slice(None)] if folds is None else fold_rows(folds):
        ranks[rows] = (rankdata(scores[rows]) - 0.5) / len(scores[rows])
    return ranks


def comparable(labels: Float[np.ndarray, "n"], folds: Folds) -> bool:
    """Whether any fold holds a positive and a negative row; labels may be unknown (NaN)."""
    positive, negative = labels == 1, labels == 0
    if folds is None:
        return bool(positive.any() and negative.any())
    return len(np.intersect1d(folds[positive], folds[negative])) > 0


def same_folds(first: Folds, second: Folds) -> bool:
    """Whether two sets of scores have the same rows in a fold, whatever the folds are called; None is one fold."""
    if first is None or second is None:
        return first is second
    pairs = len(np.unique(np.stack([first, second]), axis=1).T)
    return pairs == len(np.unique(first)) == len(np.unique(second))


def measure(
    metric: Metric,
    labels: Float[np.ndarray, "n"],
    scores: Float[np.ndarray, "n"],
    weights: Integer[np.ndarray, "r n"],
    folds: Folds,
) -> Float[np.ndarray, "r"]:
    """A metric of rows of which each has its fold; without folds it is the metric's own function."""
    if folds is None or not metric.ranks:
        return metric.function(labels, scores, weights)
    if metric.name == "auroc":
        return ranking.auroc(*(steps_of(labels[rows], scores[rows], weights[:, rows]) for rows in fold_rows(folds)))
    return metric.function(labels, ranks_within(scores, folds), weights)


@dataclass(frozen=True)
class Climbed:
    """The steps of all rows by their scores, of all by their ranks within folds, and of each fold; without folds the
    same ones."""

    all: Steps
    ranked: Steps
    by_fold: Sequence[Steps]


class Ladders:
    """The rows of one finding in the order of their scores, once per way of counting (`Climbed`), else as `Ladder`."""

    def __init__(
        self,
        labels: Float[np.ndarray, "n"],
        scores: Float[np.ndarray, "n"],
        folds: Folds,
        units: Int[np.ndarray, "n"],
        size: tuple[int, np.dtype],
    ) -> None:
        """`size` is the number of units and the type of their weights."""
        self._all, self._ranked, self._by_fold = Ladder(labels, scores, units, *size), None, []
        if folds is not None:
            self._ranked = Ladder(labels, ranks_within(scores, folds), units, *size)
            parts = ((labels[rows], scores[rows], units[rows]) for rows in fold_rows(folds))
            self._by_fold = [Ladder(*part, *size) for part in parts]

    def climb(self, weights: Integer[np.ndarray, "u r"]) -> Climbed:
        """The steps under the weights of each resample."""
        steps = self._all.climb(weights)
        if self._ranked is None:
            return Climbed(steps, steps, [steps])
        return Climbed(steps, self._ranked.climb(weights), [ladder.climb(weights) for ladder in self._by_fold])
