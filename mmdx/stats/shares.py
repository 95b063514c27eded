"""Shares of rows, such as sensitivity, with intervals; and sums of rows in resamples of patients, which carry them."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int
from scipy.stats import binomtest

from mmdx.stats.intervals import LEVEL, Estimate, draw_patients, interval


def row_a_patient(patients: Int[np.ndarray, "n"]) -> bool:
    """Whether each patient has one row, so that rows are independent."""
    return len(np.unique(patients)) == len(patients)


def resampled_sums(
    values: Float[np.ndarray, "n k"], patients: Int[np.ndarray, "n"], *, resamples: int, seed: int
) -> Float[np.ndarray, "r k"]:
    """The sums of some values over the rows of each resample, a patient bringing all of theirs.

    `patients` are numbered from 0 without gaps, also those whose rows are left out by zeros. The resamples are those of
    `draw_patients`. Rows are summed by patient first, so that the cost does not grow with rows a patient.
    """
    count = int(patients.max()) + 1
    by_patient = np.zeros((count, values.shape[1]))
    np.add.at(by_patient, patients, values)
    sums = np.empty((resamples, values.shape[1]))
    for place, weights in draw_patients(np.arange(count), resamples=resamples, seed=seed):
        sums[place] = weights.astype(np.float64) @ by_patient
    return sums


def wilson(top: int, bottom: int) -> Estimate:
    """A share of independent rows with Wilson's interval (1927)."""
    if not bottom:
        return Estimate(np.nan, None, None, 0, "the value is undefined")
    bounds = binomtest(top, bottom).proportion_ci(LEVEL, "wilson")
    return Estimate(top / bottom, float(bounds.low), float(bounds.high), 0)


def clustered_share(
    top: float, bottom: float, tops: Float[np.ndarray, "r"], bottoms: Float[np.ndarray, "r"]
) -> Estimate:
    """A share of rows of which some are of one patient, with the interval of its resampled counts.

    Refused where it is 0 or 1, which no resample can change.
    """
    value = top / bottom if bottom else np.nan
    spread = np.divide(tops, bottoms, out=np.full(len(tops), np.nan), where=bottoms > 0)
    refused = "all rows are of one kind, which no resample can change" if value in (0.0, 1.0) else None
    return interval(value, spread, refused=refused)
