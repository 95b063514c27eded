"""DeLong's test of paired AUROCs, and its form for patients with several rows each.

The *placement* of a positive row is the share of the negative rows that it scores above, ties counting half; that of a
negative row is the share of the positive rows that score above it. The AUROC is the mean placement of either class, and
its variance follows from how the placements scatter (DeLong et al., Biometrics 1988). Rows of one patient are alike, so
that placements are added up by patient before their scatter is taken (Obuchowski, Biometrics 1997). With one row per
patient the two tests are the same. Where several models scored the rows (folds), a placement is among the rows of the
same fold, and each row weighs what its fold has of the other class, so that the AUROC is that of the pairs within folds
(`metrics/folds.py`).

In shapes, n is the number of rows, m of positive and l of negative ones, p of patients, and a of sets of scores.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.stats import norm, rankdata

from mmdx.stats.metrics.folds import Folds, comparable, fold_rows

FEWEST_CLUSTERS = 2
"""Patients that each class must have: the scatter of a single patient is undefined."""


@dataclass(frozen=True)
class DelongTest:
    """First minus second AUROC, its standard error over patients, their ratio `z`, and the two-sided p-value `p`.

    Equal scores give an error of 0 and p = 1. `refused` says why there is no test: `z` and `p` are NaN then, and so is
    `error` where it cannot be computed.
    """

    difference: float
    error: float
    z: float
    p: float
    refused: str | None = None


def delong_test(
    labels: Float[np.ndarray, "n"],
    first: Float[np.ndarray, "n"],
    second: Float[np.ndarray, "n"],
    patients: Int[np.ndarray, "n"],
    folds: Sequence[Folds] = (None, None),
) -> DelongTest:
    """Tests whether two AUROCs over the same rows differ.

    Labels are 1 or 0; rows with an unknown label are left out before. `patients` numbers the patient of each row from
    0; with one row per patient this is the test of DeLong et al. (1988). `folds` gives the fold of each row, for each
    of the two.
    """
    values, covariance = auroc_covariance(labels, np.stack([first, second]), patients, folds)
    difference = float(values[0] - values[1])
    refused = _why_not(labels, patients)
    if refused is None and np.isnan(difference):
        refused = "no fold has both a positive and a negative row"
    if refused:
        return DelongTest(difference, np.nan, np.nan, np.nan, refused)
    variance = covariance[0, 0] + covariance[1, 1] - covariance[0, 1] - covariance[1, 0]
    # Two sets of scores that rank the rows alike have a variance of 0, but for rounding.
    error = float(np.sqrt(variance)) if variance > 1e-15 else 0.0
    if error == 0:
        if abs(difference) < 1e-12:
            return DelongTest(difference, 0.0, 0.0, 1.0)
        return DelongTest(difference, 0.0, np.nan, np.nan, "the difference does not scatter over the patients at all")
    z = difference / error
    return DelongTest(difference, error, z, float(2 * norm.sf(abs(z))))


def auroc_covariance(
    labels: Float[np.ndarray, "n"],
    scores: Float[np.ndarray, "a n"],
    patients: Int[np.ndarray, "n"],
    folds: Sequence[Folds] | None = None,
) -> tuple[Float[np.ndarray, "a"], Float[np.ndarray, "a a"]]:
    """The AUROCs of several sets of scores for the same rows, and their covariance over patients.

    `folds` gives the fold of each row for each set of scores. All NaN where no pair of rows can be compared; the
    covariance is NaN where a class has rows of fewer than two patients.
    """
    positive, folds = labels == 1, folds or [None] * len(scores)
    count = int(patients.max()) + 1 if len(patients) else 0
    positives, negatives = int(positive.sum()), int((~positive).sum())
    if not all(comparable(labels, of_set) for of_set in folds):
        return np.full(len(scores), np.nan), np.full((len(scores), len(scores)), np.nan)
    placed = [_placed(positive, own, of_set) for own, of_set in zip(scores, folds, strict=True)]
    above, below, above_weights, below_weights = (np.stack(part) for part in zip(*placed, strict=True))
    values = (above * above_weights).mean(axis=1)
    # One number per patient: the sum over its rows of placement minus mean placement.
    of_positives = _by_patient((above - values[:, None]) * above_weights, patients[positive], count)
    of_negatives = _by_patient((below - values[:, None]) * below_weights, patients[~positive], count)
    # A patient with rows of both classes adds to both sums, which the cross terms account for. They are 0 where every
    # patient has rows of one class, as in DeLong's own test.
    between_positives = _correction(patients[positive]) * of_positives @ of_positives.T / positives**2
    between_negatives = _correction(patients[~positive]) * of_negatives @ of_negatives.T / negatives**2
    cross = _correction(patients) * of_positives @ of_negatives.T / (positives * negatives)
    return values, between_positives + between_negatives + cross + cross.T


def _placed(
    positive: np.ndarray, scores: Float[np.ndarray, "n"], folds: Folds
) -> tuple[Float[np.ndarray, "m"], Float[np.ndarray, "l"], Float[np.ndarray, "m"], Float[np.ndarray, "l"]]:
    """The placements of positive and of negative rows, and their weights, which are 1 on average over a class.

    A row weighs in proportion to the pairs that it is in; without folds these are equally many.
    """
    placements, pairs = np.zeros(len(scores)), np.zeros(len(scores))
    for rows in [np.arange(len(scores))] if folds is None else fold_rows(folds):
        inside = positive[rows]
        if inside.all() or not inside.any():
            continue
        ((above,), (below,)) = _placements(inside, scores[None, rows])
        placements[rows[inside]], placements[rows[~inside]] = above, below
        pairs[rows[inside]], pairs[rows[~inside]] = (~inside).sum(), inside.sum()
    total = pairs[positive].sum()
    weights = [pairs[rows] * rows.sum() / total for rows in (positive, ~positive)]
    return placements[positive], placements[~positive], *weights


def _placements(
    positive: np.ndarray, scores: Float[np.ndarray, "a n"]
) -> tuple[Float[np.ndarray, "a m"], Float[np.ndarray, "a l"]]:
    """The share of negative rows below each positive row, and of positive rows above each negative row.

    The rank of a row among all rows is its rank within its class plus the number of rows of the other class below it,
    ties counting half, so that three sortings take the place of a comparison of all pairs.
    """
    ranks = rankdata(scores, axis=1)
    first, second = scores[:, positive], scores[:, ~positive]
    above = (ranks[:, positive] - rankdata(first, axis=1)) / second.shape[1]
    below = 1 - (ranks[:, ~positive] - rankdata(second, axis=1)) / first.shape[1]
    return above, below


def _by_patient(
    values: Float[np.ndarray, "a m"], patients: Int[np.ndarray, "m"], count: int
) -> Float[np.ndarray, "a p"]:
    """Values of rows added up by patient, of whom there are `count`."""
    sums = np.zeros((len(values), count))
    np.add.at(sums.T, patients, values.T)
    return sums


def _correction(patients: Int[np.ndarray, "m"]) -> float:
    """c / (c - 1) for c patients, which makes a variance about an estimated mean unbiased; NaN for one patient."""
    clusters = len(np.unique(patients))
    return clusters / (clusters - 1) if clusters > 1 else np.nan


def _why_not(labels: Float[np.ndarray, "n"], patients: Int[np.ndarray, "n"]) -> str | None:
    """The reason why there can be no test; None where there can."""
    for kind, chosen in (("with", labels == 1), ("without", labels == 0)):
        count = len(np.unique(patients[chosen]))
        if count < FEWEST_CLUSTERS:
            return f"{count} patient{'' if count == 1 else 's'} {kind} the finding, and {FEWEST_CLUSTERS} are needed"
    return None
