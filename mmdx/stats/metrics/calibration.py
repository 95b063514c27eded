"""Whether a score of 0.8 means eight in ten: calibration error, slope and intercept, and temperature scaling.

Metrics take labels `[n]`, scores `[n]` and integer weights `[r n]`, and return `[r]`, as those of `registry.py`
do.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Integer
from scipy.optimize import minimize_scalar
from scipy.special import expit

from mmdx.stats.metrics.recalibration import curves, log_odds, shifts
from mmdx.stats.resampling.weights import share

BINS = 10
COOLEST, HOTTEST = 0.05, 20.0
"""Bounds of a temperature; a fit that ends on one says that the scores hold no evidence, or all of it."""


def calibration_error(
    labels: Float[np.ndarray, "n"], scores: Float[np.ndarray, "n"], weights: Integer[np.ndarray, "r n"]
) -> Float[np.ndarray, "r"]:
    """Expected calibration error (Naeini et al., AAAI 2015): the mean distance of score and share of positives over ten
    bins of equal width, each weighing what it holds."""
    return share(np.abs(weights.astype(np.float64) @ gaps(labels, scores)).sum(axis=1), weights.sum(axis=1))


def gaps(labels: Float[np.ndarray, "n"], scores: Float[np.ndarray, "n"]) -> Float[np.ndarray, "n 10"]:
    """Score minus label in the column of each row's bin, 0 in the others."""
    place = np.minimum((scores * BINS).astype(int), BINS - 1)
    return np.where(place[:, None] == np.arange(BINS), (scores - labels)[:, None], 0.0)


def calibration_slope(
    labels: Float[np.ndarray, "n"], scores: Float[np.ndarray, "n"], weights: Integer[np.ndarray, "r n"]
) -> Float[np.ndarray, "r"]:
    """The slope of a logistic regression of the labels on the scores' log-odds (Cox 1958): 1 is right, below 1 the
    scores are too sure. NaN where a resample holds one class or one score, or the classes do not overlap."""
    return curves(labels, scores, weights)[:, 1]


def calibration_intercept(
    labels: Float[np.ndarray, "n"], scores: Float[np.ndarray, "n"], weights: Integer[np.ndarray, "r n"]
) -> Float[np.ndarray, "r"]:
    """Calibration in the large: the shift of the log-odds, the slope held at 1, that makes the scores right on average.

    Above 0 the scores are too low. NaN where a resample holds one class.
    """
    return shifts(labels, scores, weights)


def fit_temperature(labels: Float[np.ndarray, "n"], scores: Float[np.ndarray, "n"]) -> float:
    """The T by which log-odds are divided so that the log loss is least (Guo et al., ICML 2017). Of validation rows.

    1 where only one class is there. Ranks, and so AUROCs, stay what they are.
    """
    if len(np.unique(labels)) < 2:
        return 1.0
    odds = log_odds(scores)

    def loss(log_temperature: float) -> float:
        cooled = odds / np.exp(log_temperature)
        return float(np.mean(np.logaddexp(0, cooled) - labels * cooled))

    found = minimize_scalar(loss, bounds=(np.log(COOLEST), np.log(HOTTEST)), method="bounded")
    return float(np.exp(found.x))


def on_bound(temperature: float) -> bool:
    """Whether a fitted temperature ended where it was held."""
    return not COOLEST * 1.01 < temperature < HOTTEST / 1.01


def apply_temperature(scores: Float[np.ndarray, "n"], temperature: float) -> Float[np.ndarray, "n"]:
    """Scores with their log-odds divided by `temperature`."""
    return expit(log_odds(scores) / temperature)
