"""Confident learning of one finding: which labels the scores of models that had not seen them contradict.

Northcutt, Jiang and Chuang 2021, Journal of Artificial Intelligence Research 70:1373. A class has a threshold of its
own: the mean score that it has among the rows that are labelled with it. A row whose score of a class reaches that
class's threshold counts as one of it, whatever its label; where both classes reach theirs, it is of the likelier one.
Scores are probabilities of a label of 1 and must come from models that had not learned from the row.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

Labels = Float[np.ndarray, "n"]
Scores = Float[np.ndarray, "n"]
Weights = Float[np.ndarray, "r n"] | Int[np.ndarray, "r n"]


@dataclass(frozen=True)
class Flips:
    """How many labels are expected to be wrong, of each of some weightings of the rows: labelled `absent` that are
    present, and labelled `present` that are absent. NaN where a class has no weight."""

    absent: Float[np.ndarray, "r"]
    present: Float[np.ndarray, "r"]

    @property
    def both(self) -> Float[np.ndarray, "r"]:
        return self.absent + self.present


def class_thresholds(labels: Labels, scores: Scores, weights: Weights) -> tuple[np.ndarray, np.ndarray]:
    """The mean score of 0 among rows labelled 0, and of 1 among those labelled 1, `[r]` each; NaN without such rows."""
    with np.errstate(invalid="ignore", divide="ignore"):
        negative = (weights @ ((1 - scores) * (labels == 0))) / (weights @ (labels == 0).astype(np.float64))
        positive = (weights @ (scores * (labels == 1))) / (weights @ (labels == 1).astype(np.float64))
    return negative, positive


def expected_flips(labels: Labels, scores: Scores, weights: Weights | None = None) -> Flips:
    """The labels expected to be wrong under each weighting of the rows (None: each once).

    Of each label, the share of its confident rows that are of the other class, times the rows that have it. A label
    without any confident row counts no flips.
    """
    weights = np.ones((1, len(labels))) if weights is None else weights.astype(np.float64)
    negative, positive = class_thresholds(labels, scores, weights)
    as_one, as_zero = _confident(scores, negative[:, None], positive[:, None])
    counts = []
    for label, other, own in ((0, as_one, as_zero), (1, as_zero, as_one)):
        rows = weights * (labels == label)
        wrong, right, total = (rows * other).sum(axis=1), (rows * own).sum(axis=1), rows.sum(axis=1)
        confident = wrong + right
        share = np.divide(wrong, confident, out=np.zeros_like(wrong), where=confident > 0)
        counts.append(np.where(np.isnan(negative + positive), np.nan, share * total))
    return Flips(*counts)


def marked(labels: Labels, scores: Scores) -> Bool[np.ndarray, "n"]:
    """The rows that count as the class that they are not labelled with."""
    (negative,), (positive,) = class_thresholds(labels, scores, np.ones((1, len(labels))))
    as_one, as_zero = _confident(scores, negative, positive)
    return np.where(labels == 1, as_zero, as_one)


def _confident(
    scores: Scores, negative: np.ndarray | float, positive: np.ndarray | float
) -> tuple[Bool[np.ndarray, "*r n"], Bool[np.ndarray, "*r n"]]:
    """Which rows count as 1, and which as 0."""
    reaches_one, reaches_zero = scores >= positive, 1 - scores >= negative
    as_one = reaches_one & (~reaches_zero | (scores > 0.5))
    return as_one, reaches_zero & ~as_one
