"""How good scores are: AUROC, average precision, log loss and Brier score, under many row weights at once.

A metric takes labels `[n]` (1.0 or 0.0; unknown ones are left out before), scores `[n]` (probabilities) and integer
weights `[r n]`, how often each row was drawn in each of r resamples, and returns `[r]`. AUROC and average precision are
NaN where a resample holds one class only. The values are those of scikit-learn with `sample_weight`: ties count half in
the AUROC, and average precision has one step a distinct score. Rows are sorted once for all resamples.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Int

LOG_LOSS_CLIP = float(np.finfo(np.float64).eps)
"""How far scores are held from 0 and 1 in the log loss, as in scikit-learn: a sure and wrong answer costs 36 nats."""

Weighted = Callable[
    [Float[np.ndarray, "n"], Float[np.ndarray, "n"], Int[np.ndarray, "r n"]],
    Float[np.ndarray, "r"],
]


@dataclass(frozen=True)
class Metric:
    """A metric by name; `ranks` tells that it needs both classes and looks at the order of the scores alone."""

    name: str
    title: str
    direction: Literal["higher", "lower"]
    ranks: bool
    function: Weighted


def auroc(
    labels: Float[np.ndarray, "n"], scores: Float[np.ndarray, "n"], weights: Int[np.ndarray, "r n"]
) -> Float[np.ndarray, "r"]:
    """The chance that a positive row scores above a negative one, ties counting half (Mann-Whitney)."""
    steps = _steps(labels, scores, weights)
    positives, negatives = steps.positives.sum(axis=1), steps.negatives
    # Twice the count of pairs in the right order: integers, so that no rounding can split a tie.
    pairs = (steps.positives * (2 * (negatives[:, None] - steps.above) - steps.tied)).sum(axis=1)
    return _divide(pairs, 2 * positives * negatives)


def average_precision(
    labels: Float[np.ndarray, "n"], scores: Float[np.ndarray, "n"], weights: Int[np.ndarray, "r n"]
) -> Float[np.ndarray, "r"]:
    """The mean precision over the positives, each taken at its own score as threshold; nothing is interpolated."""
    steps = _steps(labels, scores, weights)
    found = np.cumsum(steps.positives, axis=1)
    # A score that no drawn row has reached yet gives 0 / 0, and carries no weight: its precision may be anything.
    precision = found / np.maximum(found + steps.above + steps.tied, 1)
    both = np.minimum(found[:, -1:].sum(axis=1), steps.negatives) > 0
    return np.where(both, _divide((steps.positives * precision).sum(axis=1), steps.positives.sum(axis=1)), np.nan)


def log_loss(
    labels: Float[np.ndarray, "n"], scores: Float[np.ndarray, "n"], weights: Int[np.ndarray, "r n"]
) -> Float[np.ndarray, "r"]:
    """The mean of -log of the probability given to the label, in nats; scores are clipped by `LOG_LOSS_CLIP`."""
    sure = np.clip(scores, LOG_LOSS_CLIP, 1 - LOG_LOSS_CLIP)
    return _mean(-np.log(np.where(labels > 0, sure, 1 - sure)), weights)


def brier(
    labels: Float[np.ndarray, "n"], scores: Float[np.ndarray, "n"], weights: Int[np.ndarray, "r n"]
) -> Float[np.ndarray, "r"]:
    """The mean squared distance of score and label (Brier 1950, the one-class form: from 0 to 1)."""
    return _mean((scores - labels) ** 2, weights)


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("auroc", "AUROC", "higher", True, auroc),
        Metric("ap", "AP", "higher", True, average_precision),
        Metric("log_loss", "Log loss", "lower", False, log_loss),
        Metric("brier", "Brier", "lower", False, brier),
    )
}


@dataclass(frozen=True)
class _Steps:
    """The k distinct scores of positives, from the highest: weight of the positives there, of the negatives strictly
    `above` and `tied` with it, and of all `negatives`."""

    positives: Int[np.ndarray, "r k"]
    above: Int[np.ndarray, "r k"]
    tied: Int[np.ndarray, "r k"]
    negatives: Int[np.ndarray, "r"]


def _steps(labels: Float[np.ndarray, "n"], scores: Float[np.ndarray, "n"], weights: Int[np.ndarray, "r n"]) -> _Steps:
    """Only the scores of positives move either metric, so that negatives are counted between them and at them."""
    is_positive = labels > 0
    positive, negative = np.flatnonzero(is_positive), np.flatnonzero(~is_positive)
    thresholds, step = np.unique(-scores[positive], return_inverse=True)
    falling = -scores[negative]
    # 2j: strictly between the scores of step j - 1 and step j; 2j + 1: tied with step j.
    place = np.searchsorted(thresholds, falling, "left") + np.searchsorted(thresholds, falling, "right")
    between = _sum_by(weights, negative, place, 2 * len(thresholds) + 1)
    passed = np.cumsum(between, axis=1)
    positives = _sum_by(weights, positive, step, len(thresholds))
    return _Steps(positives, passed[:, 0:-1:2], between[:, 1::2], passed[:, -1])


def _sum_by(
    weights: Int[np.ndarray, "r n"], rows: Int[np.ndarray, "m"], group: Int[np.ndarray, "m"], groups: int
) -> Int[np.ndarray, "r g"]:
    """The weight of some rows in each group, 0 in a group without rows."""
    total = np.zeros((len(weights), groups), dtype=np.int64)
    if len(rows):
        order = np.argsort(group, kind="stable")
        starts = np.flatnonzero(np.diff(group[order], prepend=-1))
        total[:, group[order[starts]]] = np.add.reduceat(weights[:, rows[order]], starts, axis=1)
    return total


def _mean(values: Float[np.ndarray, "n"], weights: Int[np.ndarray, "r n"]) -> Float[np.ndarray, "r"]:
    return _divide(weights.astype(np.float64) @ values, weights.sum(axis=1))


def _divide(top: np.ndarray, bottom: np.ndarray) -> Float[np.ndarray, "r"]:
    """`top / bottom`, NaN where there is nothing to divide by."""
    return np.divide(top, bottom, out=np.full(len(top), np.nan), where=bottom > 0)
