"""Where curves of sensitivity and precision run, at every threshold and in every resample of patients."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from mmdx.stats.comparison.sums import group_weights
from mmdx.stats.metrics.folds import Folds, fold_rows, ranks_within
from mmdx.stats.resampling.intervals import CONFIDENCE
from mmdx.stats.resampling.weights import share

GRID = np.linspace(0, 1, 101)
MOST_THRESHOLDS = 400
"""Thresholds looked at where there are more scores: as many quantiles of the positive rows as of the negative ones."""


def roc_and_pr(
    labels: Float[np.ndarray, "n"],
    scores: Float[np.ndarray, "n"],
    patients: Int[np.ndarray, "n"],
    weights: Int[np.ndarray, "r p"],
    folds: Folds = None,
) -> tuple[Float[np.ndarray, "r 101"], Float[np.ndarray, "r 101"]]:
    """Sensitivity at each false-positive rate of `GRID`, and precision at each sensitivity of it.

    `weights` is how often each patient was drawn. Sensitivity is linear between thresholds, precision that of the
    highest threshold which reaches the sensitivity. NaN in a resample with one class. Where several models scored the
    rows, by `folds`, the sensitivity is the mean over folds, each weighted by its pairs, so that the area below it is
    the AUROC; the precision is that of ranks within folds (`metrics/folds.py`).
    """
    if folds is None:
        return _of_one_model(labels, scores, patients, weights)
    total, pairs = np.zeros((len(weights), len(GRID))), np.zeros((len(weights), 1))
    for rows in fold_rows(folds):
        of_fold = labels[rows], scores[rows], patients[rows]
        classes = [weights[:, patients[rows[labels[rows] == kind]]].sum(axis=1) for kind in (1, 0)]
        weight = (classes[0] * classes[1]).astype(np.float64)[:, None]
        total += np.where(weight > 0, _of_one_model(*of_fold, weights)[0], 0) * weight
        pairs += weight
    return share(total, pairs), _of_one_model(labels, ranks_within(scores, folds), patients, weights)[1]


def _of_one_model(
    labels: Float[np.ndarray, "n"],
    scores: Float[np.ndarray, "n"],
    patients: Int[np.ndarray, "n"],
    weights: Int[np.ndarray, "r p"],
) -> tuple[Float[np.ndarray, "r 101"], Float[np.ndarray, "r 101"]]:
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
