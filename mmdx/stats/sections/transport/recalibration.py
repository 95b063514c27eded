"""What recalibration with some patients of a second cohort is worth to the others.

n patients are drawn, and by their labels the log-odds are shifted (calibration in the large), or shifted and scaled (a
logistic regression on the log-odds; Cox 1958, Steyerberg et al. 2004); the log loss is that of the patients who were
not drawn. A draw that cannot fit, for it has one class or classes that do not overlap, leaves the scores as they are,
as its user would have to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Int

from mmdx.stats.metrics.calibration import calibration_intercept, curves, log_odds

Way = Literal["as it is", "shifted", "shifted and scaled"]
WAYS: tuple[Way, ...] = ("as it is", "shifted", "shifted and scaled")
SIZES = (10, 25, 50, 100, 200, 500)
DRAWS = 200


@dataclass(frozen=True)
class Recalibrated:
    """With how many `patients`, in which way: the mean log loss (nats) of the others over draws, and of the middle 95 %
    of the draws the lowest and the highest."""

    patients: int
    way: Way
    mean: float
    low: float
    high: float


def sizes_for(patients: int) -> list[int]:
    """The numbers of patients that leave at least half of them to be judged by."""
    return [size for size in SIZES if 2 * size <= patients]


def recalibrated(
    labels: Float[np.ndarray, "n"],
    scores: Float[np.ndarray, "n"],
    patients: Int[np.ndarray, "n"],
    *,
    size: int,
    seed: int = 0,
) -> list[Recalibrated]:
    """Each way with `size` patients. `labels` are known; `patients` numbers the patient of each row from 0."""
    total = int(patients.max()) + 1
    chance = np.random.default_rng([seed, size])
    drawn = np.zeros((DRAWS, total), dtype=np.int64)
    for row in drawn:
        row[chance.permutation(total)[:size]] = 1
    weights = drawn[:, patients]
    odds = log_odds(scores)
    fits = np.tile([0.0, 1.0], (DRAWS, 1))
    by_way = {"as it is": fits, "shifted": fits.copy(), "shifted and scaled": curves(labels, scores, weights)}
    by_way["shifted"][:, 0] = calibration_intercept(labels, scores, weights)
    found = []
    for way in WAYS:
        fit = np.where(np.isnan(by_way[way]).any(axis=1, keepdims=True), fits, by_way[way])
        fitted = fit[:, :1] + fit[:, 1:] * odds
        losses = np.logaddexp(0, np.where(labels == 1, -fitted, fitted))
        others = 1.0 - weights
        values = (losses * others).sum(axis=1) / others.sum(axis=1)
        low, high = np.quantile(values, [0.025, 0.975])
        found.append(Recalibrated(size, way, float(values.mean()), float(low), float(high)))
    return found
