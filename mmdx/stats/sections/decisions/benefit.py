"""Net benefit: what acting on scores is worth, in true positives per row, at a threshold of the probability.

Whoever acts on a row at a probability of t or more holds a false positive for t / (1 - t) of a true one, so that the
net benefit is true positives minus so many false positives, per row (Vickers and Elkin, Med Decis Making 2006). Acting
on all rows and acting on none, which is worth 0, need no model.

In shapes, n is the number of rows, p of patients, r of resamples, and g of thresholds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from mmdx.stats.cohort.cohort import Cohort
from mmdx.stats.comparison.sums import group_weights, sum_by_patient
from mmdx.stats.resampling.weights import share

GRID = np.arange(1, 100) / 100
"""Thresholds of the curves."""


@dataclass(frozen=True)
class FindingRows:
    """The rows of one finding whose label is known, and the probabilities that the trainings of each model give them.

    `calibrated` says whether these are scaled by temperatures that validation chose, as they are where every row of
    every model has one; else they are the scores as they are.
    """

    finding: int
    labels: Float[np.ndarray, "n"]
    patients: Int[np.ndarray, "n"]
    scores: Mapping[int, Sequence[Float[np.ndarray, "n"]]]
    calibrated: bool


def finding_rows(cohort: Cohort, finding: int) -> FindingRows:
    """The rows of a finding, with the probabilities of every model by its arm."""
    known = ~np.isnan(cohort.labels[:, finding])
    scaled = {arm: [one.calibrated[known, finding] for one in cohort.scored[arm]] for arm in cohort.models}
    calibrated = not any(np.isnan(scores).any() for trainings in scaled.values() for scores in trainings)
    plain = {arm: [one.scores[known, finding] for one in cohort.scored[arm]] for arm in cohort.models}
    scores = scaled if calibrated else plain
    return FindingRows(finding, cohort.labels[known, finding], cohort.patients[known], scores, calibrated)


def net_benefit(
    true_yes: Float[np.ndarray, "r #g"],
    false_yes: Float[np.ndarray, "r #g"],
    total: Float[np.ndarray, "r 1"],
    thresholds: Float[np.ndarray, "g"],
) -> Float[np.ndarray, "r g"]:
    """The net benefit from weights of rows that are acted on, with the finding and without it, among `total`.

    NaN where there is no row.
    """
    return share(true_yes, total) - share(false_yes, total) * thresholds / (1 - thresholds)


def model_curve(
    rows: FindingRows, arm: int, weights: Int[np.ndarray, "r p"], thresholds: Float[np.ndarray, "g"] = GRID
) -> Float[np.ndarray, "r g"]:
    """The net benefit of a model at rising thresholds, for weights of the patients; the mean over its trainings.

    A score at or above a threshold is acted on.
    """
    true_yes, false_yes = np.zeros((2, len(weights), len(thresholds)))
    count = len(thresholds) + 1
    for scores in rows.scores[arm]:
        place = np.searchsorted(thresholds, scores, "right")
        for kind, yes in ((1, true_yes), (0, false_yes)):
            of_kind = rows.labels == kind
            at = group_weights(place[of_kind], rows.patients[of_kind], weights, count)
            yes += np.cumsum(at[:, :0:-1], axis=1)[:, ::-1] / len(rows.scores[arm])
    return net_benefit(true_yes, false_yes, _totals(rows, weights)[1], thresholds)


def all_curve(
    rows: FindingRows, weights: Int[np.ndarray, "r p"], thresholds: Float[np.ndarray, "g"] = GRID
) -> Float[np.ndarray, "r g"]:
    """The net benefit of acting on every row."""
    positives, total = _totals(rows, weights)
    return net_benefit(positives, total - positives, total, thresholds)


def columns_at(rows: FindingRows, thresholds: Float[np.ndarray, "g"], count: int) -> Float[np.ndarray, "p c"]:
    """What the rows of each of `count` patients add up to: their number, how many are positive, and of each model, at
    each threshold, how many are acted on with the finding and without it."""
    positive = (rows.labels == 1).astype(np.float64)
    columns = [np.ones_like(positive), positive]
    for trainings in rows.scores.values():
        acted = np.mean([scores[:, None] >= thresholds for scores in trainings], axis=0)
        columns += [*(acted * positive[:, None]).T, *(acted * (1 - positive[:, None])).T]
    return sum_by_patient(np.stack(columns, axis=1), rows.patients, count)


def _totals(rows: FindingRows, weights: Int[np.ndarray, "r p"]) -> tuple[np.ndarray, np.ndarray]:
    """The weight of the positive rows, and of all, as columns."""
    both = group_weights((rows.labels == 1).astype(np.int64), rows.patients, weights, 2)
    return both[:, 1:], both.sum(axis=1, keepdims=True)
