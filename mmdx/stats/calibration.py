"""Whether a score of 0.8 means eight in ten: calibration error, slope and intercept, and temperature scaling.

Metrics take labels `[n]`, scores `[n]` and integer weights `[r n]`, and return `[r]`, as those of `mmdx.stats.metrics`
do.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import minimize_scalar
from scipy.special import expit, logit

BINS = 10
CLIP = 1e-6
"""How far scores are held from 0 and 1 before their log-odds are taken."""
COOLEST, HOTTEST = 0.05, 20.0
"""Bounds of a temperature; a fit that ends on one says that the scores hold no evidence, or all of it."""
NEWTON_STEPS = 25


def calibration_error(
    labels: Float[np.ndarray, "n"], scores: Float[np.ndarray, "n"], weights: Int[np.ndarray, "r n"]
) -> Float[np.ndarray, "r"]:
    """Expected calibration error (Naeini et al., AAAI 2015): the mean distance of score and share of positives over ten
    bins of equal width, each weighing what it holds."""
    place = np.minimum((scores * BINS).astype(int), BINS - 1)
    gaps = np.zeros(len(weights))
    for chosen in (place == b for b in np.unique(place)):
        gaps += np.abs(weights[:, chosen].astype(np.float64) @ (scores[chosen] - labels[chosen]))
    total = weights.sum(axis=1)
    return np.divide(gaps, total, out=np.full(len(total), np.nan), where=total > 0)


def calibration_slope(
    labels: Float[np.ndarray, "n"], scores: Float[np.ndarray, "n"], weights: Int[np.ndarray, "r n"]
) -> Float[np.ndarray, "r"]:
    """The slope of a logistic regression of the labels on the scores' log-odds (Cox 1958): 1 is right, below 1 the
    scores are too sure. NaN where a resample holds one class, or the classes do not overlap."""
    return _recalibrate(labels, scores, weights)[:, 1]


def calibration_intercept(
    labels: Float[np.ndarray, "n"], scores: Float[np.ndarray, "n"], weights: Int[np.ndarray, "r n"]
) -> Float[np.ndarray, "r"]:
    """Calibration in the large: the shift of the log-odds, the slope held at 1, that makes the scores right on average.

    Above 0 the scores are too low. NaN where a resample holds one class.
    """
    odds, drawn = logit(np.clip(scores, CLIP, 1 - CLIP)), weights.astype(np.float64)
    total, positives = drawn.sum(axis=1), drawn @ labels
    shift = np.zeros(len(drawn))
    for _ in range(NEWTON_STEPS):
        chance = expit(shift[:, None] + odds)
        slope = np.maximum((drawn * chance * (1 - chance)).sum(axis=1), 1e-12)
        shift += np.clip((positives - (drawn * chance).sum(axis=1)) / slope, -2, 2)
    return np.where((positives > 0) & (positives < total), shift, np.nan)


def fit_temperature(labels: Float[np.ndarray, "n"], scores: Float[np.ndarray, "n"]) -> float:
    """The T by which log-odds are divided so that the log loss is least (Guo et al., ICML 2017). Of validation rows.

    1 where only one class is there. Ranks, and so AUROCs, stay what they are.
    """
    if len(np.unique(labels)) < 2:
        return 1.0
    odds = logit(np.clip(scores, CLIP, 1 - CLIP))

    def loss(log_temperature: float) -> float:
        cooled = odds / np.exp(log_temperature)
        return float(np.mean(np.logaddexp(0, cooled) - labels * cooled))

    found = minimize_scalar(loss, bounds=(np.log(COOLEST), np.log(HOTTEST)), method="bounded")
    return float(np.exp(found.x))


def apply_temperature(scores: Float[np.ndarray, "n"], temperature: float) -> Float[np.ndarray, "n"]:
    """Scores with their log-odds divided by `temperature`."""
    return expit(logit(np.clip(scores, CLIP, 1 - CLIP)) / temperature)


def _recalibrate(
    labels: Float[np.ndarray, "n"], scores: Float[np.ndarray, "n"], weights: Int[np.ndarray, "r n"]
) -> Float[np.ndarray, "r 2"]:
    """Intercept and slope by Newton's method, all resamples at once; NaN where it does not settle."""
    odds, drawn = logit(np.clip(scores, CLIP, 1 - CLIP)), weights.astype(np.float64)
    found = np.tile([0.0, 1.0], (len(drawn), 1))
    design = np.stack([np.ones_like(odds), odds], axis=1)
    step = np.full_like(found, np.inf)
    for _ in range(NEWTON_STEPS):
        chance = expit(found @ design.T)
        gradient = (drawn * (labels - chance)) @ design
        curvature = np.einsum("rn,ni,nj->rij", drawn * chance * (1 - chance), design, design)
        curvature += 1e-10 * np.eye(2)
        step = np.linalg.solve(curvature, gradient[..., None])[..., 0]
        found = np.clip(found + np.clip(step, -3, 3), -60, 60)
    settled = (np.abs(step).max(axis=1) < 1e-6) & (np.abs(found).max(axis=1) < 50)
    return np.where(settled[:, None], found, np.nan)
