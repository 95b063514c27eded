"""Where curves of sensitivity and precision run, at every threshold and in every resample of patients."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from mmdx.stats.comparison.sums import group_weights
from mmdx.stats.resampling.intervals import CONFIDENCE

GRID = np.linspace(0, 1, 101)
MOST_THRESHOLDS = 400
"""Thresholds looked at where there are more scores: as many quantiles of the positive rows as of the negative ones."""


def roc_and_pr(
    labels: Float[np.ndarray, "n"],
    scores: Float[np.ndarray, "n"],
    patients: Int[np.ndarray, "n"],
    weights: Int[np.ndarray, "r p"],
) -> tuple[Float[np.ndarray, "r 101"], Float[np.ndarray, "r 101"]]:
    """Sensitivity at each false-positive rate of `GRID`, and precision at each sensitivity of it.

    `weights` is how often each patient was drawn. Sensitivity is linear between thresholds, precision that of the
    highest threshold which reaches the sensitivity. NaN in a resample with one class.
    """
    thresholds = _thresholds(labels, scores)
    place = np.searchsorted(thresholds, scores, "right") - 1
    positive = labels == 1
    # The weight at or above each threshold, from the highest to the lowest.
    true_yes, false_yes = (
        np.cumsum(group_weights(place[kind], patients[kind], weights, len(thresholds))[:, ::-1], axis=1)
        for kind in (positive, ~positive)
    )
    roc, precision = np.full((len(weights), len(GRID)), np.nan), np.full((len(weights), len(GRID)), np.nan)
    for r in np.flatnonzero((true_yes[:, -1] > 0) & (false_yes[:, -1] > 0)):
        sensitivity = true_yes[r] / true_yes[r, -1]
        roc[r] = np.interp(GRID, np.append(0, false_yes[r] / false_yes[r, -1]), np.append(0, sensitivity))
        # The highest threshold may lie above all that was drawn: there is no precision without a yes.
        first = int(np.argmax(true_yes[r] + false_yes[r] > 0))
        reached = np.maximum(np.searchsorted(sensitivity, GRID - 1e-9), first)
        precision[r] = true_yes[r, reached] / (true_yes[r, reached] + false_yes[r, reached])
    return roc, precision


def band(resampled: Float[np.ndarray, "r g"]) -> tuple[Float[np.ndarray, "g"], Float[np.ndarray, "g"]]:
    """Pointwise 95 % percentile bounds over the resamples that have a curve; NaN where none has."""
    usable = resampled[~np.isnan(resampled).any(axis=1)]
    if not len(usable):
        return np.full(resampled.shape[1], np.nan), np.full(resampled.shape[1], np.nan)
    low, high = np.quantile(usable, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2], axis=0)
    return low, high


def _thresholds(labels: Float[np.ndarray, "n"], scores: Float[np.ndarray, "n"]) -> Float[np.ndarray, "k"]:
    """Rising, the least of them the least score."""
    distinct = np.unique(scores)
    if len(distinct) <= MOST_THRESHOLDS:
        return distinct
    shares = np.linspace(0, 1, MOST_THRESHOLDS // 2)
    kinds = [scores[labels == kind] for kind in (0, 1)]
    chosen = [np.quantile(kind, shares, method="lower") for kind in kinds if len(kind)]
    return np.unique(np.concatenate([distinct[:1], *chosen]))
