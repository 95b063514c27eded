"""Shares of rows, such as sensitivity, with intervals; and sums of rows by patient, which carry them."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import csr_array
from scipy.stats import binomtest

from mmdx.stats.resampling.intervals import CONFIDENCE, FEWEST_PATIENTS, Estimate, interval
from mmdx.stats.resampling.weights import share


def row_a_patient(patients: Int[np.ndarray, "n"]) -> bool:
    """Whether each patient has one row, so that rows are independent."""
    return len(np.unique(patients)) == len(patients)


def group_weights(
    groups: Int[np.ndarray, "m"], patients: Int[np.ndarray, "m"], weights: Int[np.ndarray, "r p"], count: int
) -> Float[np.ndarray, "r g"]:
    """The weight of the rows of each of `count` groups in each resample, a row weighing what its patient does."""
    rows = csr_array((np.ones(len(groups)), (groups, patients)), shape=(count, weights.shape[1]))
    return np.asarray(rows @ weights.T.astype(np.float64)).T


def sum_by_patient(
    values: Float[np.ndarray, "m k"], patients: Int[np.ndarray, "m"], count: int
) -> Float[np.ndarray, "p k"]:
    """Values of rows added up by patient, of whom there are `count`."""
    rows = csr_array((np.ones(len(patients)), (patients, np.arange(len(patients)))), shape=(count, len(patients)))
    return np.asarray(rows @ values)


def wilson(top: int, bottom: int) -> Estimate:
    """A share of independent rows with its interval after Wilson (J Am Stat Assoc 1927)."""
    if not bottom:
        return Estimate(np.nan, None, None, 0, "the value is undefined")
    bounds = binomtest(top, bottom).proportion_ci(CONFIDENCE, "wilson")
    return Estimate(top / bottom, float(bounds.low), float(bounds.high), 0)


def clustered_share(
    top: float | int,
    bottom: float | int,
    tops: Float[np.ndarray, "r"],
    bottoms: Float[np.ndarray, "r"],
    *,
    patients: int,
) -> Estimate:
    """A share of rows of which some are of one patient, with the interval of its resampled counts.

    `patients` counts those of the whole. Refused where they are too few, or the share is 0 or 1, which no resample can
    change.
    """
    value = top / bottom if bottom else np.nan
    spread = share(tops, bottoms)
    refused = None
    if value in (0.0, 1.0):
        refused = "all rows are of one kind, which no resample can change"
    elif bottom and patients < FEWEST_PATIENTS:
        refused = f"{patients} patient{'' if patients == 1 else 's'} bear it, and {FEWEST_PATIENTS} are needed"
    return interval(value, spread, refused=refused)
