"""Shares and means of rows that many resamples weigh differently."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Integer


def share(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    """`top / bottom`, NaN where there is nothing to divide by."""
    unknown = np.full(np.broadcast_shapes(top.shape, bottom.shape), np.nan)
    return np.divide(top, bottom, out=unknown, where=bottom > 0)


def weighted_mean(values: Float[np.ndarray, "n"], weights: Integer[np.ndarray, "r n"]) -> Float[np.ndarray, "r"]:
    """The mean of `values` in each resample, NaN where no row is drawn."""
    return share(weights.astype(np.float64) @ values, weights.sum(axis=1))
