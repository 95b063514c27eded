"""Whether a score of 0.8 means eight in ten: calibration error, slope and intercept, and temperature scaling.

Metrics take labels `[n]`, scores `[n]` and integer weights `[r n]`, and return `[r]`, as those of `mmdx.stats.metrics`
do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import minimize_scalar
from scipy.special import expit, logit

from mmdx.stats.weighted import share

BINS = 10
CLIP = 1e-6
"""How far scores are held from 0 and 1 before their log-odds are taken."""
COOLEST, HOTTEST = 0.05, 20.0
"""Bounds of a temperature; a fit that ends on one says that the scores hold no evidence, or all of it."""
NEWTON_STEPS = 25
FLAT = 1e-9
"""The share of their square that log-odds must vary by for a slope; below, they are one value but for rounding."""


def calibration_error(
    labels: Float[np.ndarray, "n"], scores: Float[np.ndarray, "n"], weights: Int[np.ndarray, "r n"]
) -> Float[np.ndarray, "r"]:
    """Expected calibration error (Naeini et al., AAAI 2015): the mean distance of score and share of positives over ten
    bins of equal width, each weighing what it holds."""
    return share(np.abs(weights.astype(np.float64) @ gaps(labels, scores)).sum(axis=1), weights.sum(axis=1))


def gaps(labels: Float[np.ndarray, "n"], scores: Float[np.ndarray, "n"]) -> Float[np.ndarray, "n 10"]:
    """Score minus label in the column of each row's bin, 0 in the others."""
    place = np.minimum((scores * BINS).astype(int), BINS - 1)
    return np.where(place[:, None] == np.arange(BINS), (scores - labels)[:, None], 0.0)


def calibration_slope(
    labels: Float[np.ndarray, "n"], scores: Float[np.ndarray, "n"], weights: Int[np.ndarray, "r n"]
) -> Float[np.ndarray, "r"]:
    """The slope of a logistic regression of the labels on the scores' log-odds (Cox 1958): 1 is right, below 1 the
    scores are too sure. NaN where a resample holds one class or one score, or the classes do not overlap."""
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


@dataclass(frozen=True)
class Expansion:
    """The calibration curve of all rows, and what each row adds to a step from there to the curve of a resample.

    `columns` are sums a resample away from its slope and intercept: of gradient, curvature and its derivative, at the
    fit of all rows. A resample's fit is then one step of Chebyshev's method, whose error falls with the number of rows
    as n^-3/2 (Davidson and MacKinnon, International Economic Review 1999; Andrews, Econometrica 2002), in place of
    some ten passes over all rows.
    """

    slope: float
    intercept: float
    columns: Float[np.ndarray, "n 12"]

    def slopes(self, sums: Float[np.ndarray, "r 12"]) -> Float[np.ndarray, "r"]:
        """From the weighted sums of the columns; NaN where a resample holds one score."""
        g0, g1, h00, h01, h11, t0, t1, t2, t3 = sums[:, :9].T
        spread = h00 * h11 - h01**2
        fits = spread > FLAT * h00 * h11
        spread = np.where(fits, spread, 1.0)
        d0, d1 = (h11 * g0 - h01 * g1) / spread, (h00 * g1 - h01 * g0) / spread
        b0 = g0 - (t0 * d0**2 + 2 * t1 * d0 * d1 + t2 * d1**2) / 2
        b1 = g1 - (t1 * d0**2 + 2 * t2 * d0 * d1 + t3 * d1**2) / 2
        return np.where(fits, self.slope + (h00 * b1 - h01 * b0) / spread, np.nan)

    def intercepts(self, sums: Float[np.ndarray, "r 12"]) -> Float[np.ndarray, "r"]:
        """From the weighted sums of the columns."""
        g, h, t = sums[:, 9:].T
        step = share(g, h)
        return self.intercept + share(g - t * step**2 / 2, h)


def expand(labels: Float[np.ndarray, "n"], scores: Float[np.ndarray, "n"]) -> Expansion:
    """The expansion about the fit of all rows, each once; where there is none, its slopes or intercepts are NaN."""
    once, odds = np.ones((1, len(labels)), dtype=np.int64), logit(np.clip(scores, CLIP, 1 - CLIP))
    ((level, slope),) = _recalibrate(labels, scores, once)
    (intercept,) = calibration_intercept(labels, scores, once)
    chance = expit(np.nan_to_num(level) + np.nan_to_num(slope) * odds)
    spread = chance * (1 - chance)
    bend = spread * (1 - 2 * chance)
    columns = [labels - chance, (labels - chance) * odds, spread, spread * odds, spread * odds**2]
    columns += [bend, bend * odds, bend * odds**2, bend * odds**3]
    chance = expit(np.nan_to_num(intercept) + odds)
    columns += [labels - chance, chance * (1 - chance), chance * (1 - chance) * (1 - 2 * chance)]
    return Expansion(float(slope), float(intercept), np.stack(columns, axis=1))


def _recalibrate(
    labels: Float[np.ndarray, "n"], scores: Float[np.ndarray, "n"], weights: Int[np.ndarray, "r n"]
) -> Float[np.ndarray, "r 2"]:
    """Intercept and slope by Newton's method, all resamples at once; NaN where it does not settle."""
    odds, drawn = logit(np.clip(scores, CLIP, 1 - CLIP)), weights.astype(np.float64)
    # From the share of positives and no slope: from a slope of 1, Newton's steps run away where the right one is small.
    shares = np.clip(share(drawn @ labels, drawn.sum(axis=1)), CLIP, 1 - CLIP)
    found = np.stack([logit(np.nan_to_num(shares, nan=0.5)), np.zeros(len(drawn))], axis=1)
    design = np.stack([np.ones_like(odds), odds], axis=1)
    step, varied = np.full_like(found, np.inf), np.zeros(len(drawn), dtype=bool)
    for _ in range(NEWTON_STEPS):
        chance = expit(found @ design.T)
        gradient = (drawn * (labels - chance)) @ design
        curvature = np.einsum("rn,ni,nj->rij", drawn * chance * (1 - chance), design, design)
        flat = FLAT * curvature[:, 0, 0] * curvature[:, 1, 1]
        varied = np.linalg.det(curvature) > flat
        curvature += 1e-10 * np.eye(2)
        step = np.linalg.solve(curvature, gradient[..., None])[..., 0]
        found = np.clip(found + np.clip(step, -3, 3), -60, 60)
    settled = varied & (np.abs(step).max(axis=1) < 1e-6) & (np.abs(found).max(axis=1) < 50)
    return np.where(settled[:, None], found, np.nan)
