"""DeLong's test of paired AUROCs, and its form for patients with several rows each.

Each positive row has a placement among the negatives: the share of these that it scores above, ties counting half; the
AUROC is the mean placement, and how placements scatter is its variance (DeLong et al., Biometrics 1988). Rows of one
patient are alike, so that placements are summed by patient before their scatter is taken (Obuchowski, Biometrics 1997).
Where each patient has one row the two are the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.stats import norm, rankdata

FEWEST_CLUSTERS = 2
"""Patients with a positive row, and with a negative one, below which scatter is undefined."""


@dataclass(frozen=True)
class DelongTest:
    """First minus second AUROC, its standard error over patients, z and the two-sided p-value.

    Equal scores give an error of 0 and p = 1. `refused` says why there is no test; then all but `difference` are NaN.
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
) -> DelongTest:
    """Whether two AUROCs over the same rows differ. `patients` numbers each row's patient; a number a row: DeLong 1988.

    Labels are 1 or 0, unknown ones left out before.
    """
    values, covariance = auroc_covariance(labels, np.stack([first, second]), patients)
    difference = float(values[0] - values[1])
    refused = _why_not(labels, patients)
    if refused:
        return DelongTest(difference, np.nan, np.nan, np.nan, refused)
    variance = covariance[0, 0] + covariance[1, 1] - covariance[0, 1] - covariance[1, 0]
    # Scores that rank the rows alike leave nothing but rounding.
    error = float(np.sqrt(variance)) if variance > 1e-15 else 0.0
    if error == 0:
        if abs(difference) < 1e-12:
            return DelongTest(difference, 0.0, 0.0, 1.0)
        return DelongTest(difference, 0.0, np.nan, np.nan, "the difference does not scatter over the patients at all")
    z = difference / error
    return DelongTest(difference, error, z, float(2 * norm.sf(abs(z))))


def auroc_covariance(
    labels: Float[np.ndarray, "n"], scores: Float[np.ndarray, "a n"], patients: Int[np.ndarray, "n"]
) -> tuple[Float[np.ndarray, "a"], Float[np.ndarray, "a a"]]:
    """The AUROC of each of several scores for the same rows, and their covariance over patients.

    NaN where a class has no row, or the rows of fewer than two patients.
    """
    positive = labels == 1
    count = int(patients.max()) + 1 if len(patients) else 0
    positives, negatives = int(positive.sum()), int((~positive).sum())
    if not positives or not negatives:
        return np.full(len(scores), np.nan), np.full((len(scores), len(scores)), np.nan)
    above, below = _placements(positive, scores)
    values = above.mean(axis=1)
    # By patient: what its placements are beyond what as many rows of the mean would give.
    of_positives = _by_patient(above - values[:, None], patients[positive], count)
    of_negatives = _by_patient(below - values[:, None], patients[~positive], count)
    between_positives = _correction(patients[positive]) * of_positives @ of_positives.T / positives**2
    between_negatives = _correction(patients[~positive]) * of_negatives @ of_negatives.T / negatives**2
    cross = _correction(patients) * of_positives @ of_negatives.T / (positives * negatives)
    return values, between_positives + between_negatives + cross + cross.T


def _placements(
    positive: np.ndarray, scores: Float[np.ndarray, "a n"]
) -> tuple[Float[np.ndarray, "a m"], Float[np.ndarray, "a l"]]:
    """Of each positive the share of negatives below it, of each negative the share of positives above it."""
    ranks = rankdata(scores, axis=1)
    first, second = scores[:, positive], scores[:, ~positive]
    above = (ranks[:, positive] - rankdata(first, axis=1)) / second.shape[1]
    below = 1 - (ranks[:, ~positive] - rankdata(second, axis=1)) / first.shape[1]
    return above, below


def _by_patient(values: Float[np.ndarray, "a m"], patients: Int[np.ndarray, "m"], count: int) -> np.ndarray:
    sums = np.zeros((len(values), count))
    np.add.at(sums.T, patients, values.T)
    return sums


def _correction(patients: Int[np.ndarray, "m"]) -> float:
    clusters = len(np.unique(patients))
    return clusters / (clusters - 1) if clusters > 1 else np.nan


def _why_not(labels: Float[np.ndarray, "n"], patients: Int[np.ndarray, "n"]) -> str | None:
    for kind, chosen in (("with", labels == 1), ("without", labels == 0)):
        count = len(np.unique(patients[chosen]))
        if count < FEWEST_CLUSTERS:
            return f"{count} patient{'' if count == 1 else 's'} {kind} the finding, and {FEWEST_CLUSTERS} are needed"
    return None
