"""Every metric by its name, for many resamples at once.

A metric takes labels `[n]` (1.0 or 0.0; unknown ones are left out before), scores `[n]` (probabilities) and integer
weights `[r n]`, how often each row was drawn in each of r resamples, and returns `[r]`; NaN where it is undefined. The
values are those of scikit-learn with `sample_weight`, where it has the metric. `comparison/panel.py` computes all of
them together.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Integer

from mmdx.stats.metrics import ranking, thresholds
from mmdx.stats.metrics.calibration import calibration_error, calibration_intercept, calibration_slope
from mmdx.stats.metrics.thresholds import Counts
from mmdx.stats.resampling.weights import weighted_mean

LOG_LOSS_CLIP = float(np.finfo(np.float64).eps)
"""How far the log loss keeps scores from 0 and 1, as in scikit-learn: a wrong answer with score 1 costs 36 nats."""

Direction = Literal["higher", "lower", "one", "zero"]
Family = Literal["ranking", "probability", "operating", "threshold"]
Weighted = Callable[
    [Float[np.ndarray, "n"], Float[np.ndarray, "n"], Integer[np.ndarray, "r n"]],
    Float[np.ndarray, "r"],
]


@dataclass(frozen=True)
class Metric:
    """A metric by name. `title` is what people read; `direction` says what is good: more, less, or near one or zero.

    A value lies in `range`, ends included. `chance` is the value of scores that say nothing of the labels; None where
    it depends on how common a finding is.

    Metrics of the family `threshold` take answers in the place of scores, 1.0 for yes and 0.0 for no (`answers` makes
    them), and are NaN where any answer is something else.
    """

    name: str
    title: str
    direction: Direction
    family: Family
    function: Weighted
    range: tuple[float, float] = (0.0, 1.0)
    chance: float | None = None

    @property
    def ranks(self) -> bool:
        """Whether the metric needs both classes and depends on the order of the scores alone."""
        return self.family in ("ranking", "operating")


def answers(scores: Float[np.ndarray, "*n"], cutoffs: Float[np.ndarray, "*n"]) -> Float[np.ndarray, "*n"]:
    """1.0 where a score is at or above its threshold, 0.0 below it, NaN where there is no threshold."""
    return np.where(np.isnan(cutoffs), np.nan, (scores >= cutoffs).astype(np.float64))


def auroc(
    labels: Float[np.ndarray, "n"], scores: Float[np.ndarray, "n"], weights: Integer[np.ndarray, "r n"]
) -> Float[np.ndarray, "r"]:
    """The chance that a positive row scores above a negative one (`ranking.auroc`)."""
    return ranking.auroc(ranking.steps_of(labels, scores, weights))


def average_precision(
    labels: Float[np.ndarray, "n"], scores: Float[np.ndarray, "n"], weights: Integer[np.ndarray, "r n"]
) -> Float[np.ndarray, "r"]:
    """The mean precision over the positives (`ranking.average_precision`)."""
    return ranking.average_precision(ranking.steps_of(labels, scores, weights))


def log_loss(
    labels: Float[np.ndarray, "n"], scores: Float[np.ndarray, "n"], weights: Integer[np.ndarray, "r n"]
) -> Float[np.ndarray, "r"]:
    """The mean of `surprises`."""
    return weighted_mean(surprises(labels, scores), weights)


def brier(
    labels: Float[np.ndarray, "n"], scores: Float[np.ndarray, "n"], weights: Integer[np.ndarray, "r n"]
) -> Float[np.ndarray, "r"]:
    """The mean squared distance of score and label (Brier 1950, the one-class form: from 0 to 1)."""
    return weighted_mean((scores - labels) ** 2, weights)


def surprises(labels: Float[np.ndarray, "n"], scores: Float[np.ndarray, "n"]) -> Float[np.ndarray, "n"]:
    """-log of the probability given to each label, in nats; scores are clipped by `LOG_LOSS_CLIP`."""
    sure = np.clip(scores, LOG_LOSS_CLIP, 1 - LOG_LOSS_CLIP)
    return -np.log(np.where(labels > 0, sure, 1 - sure))


def _of_answers(measure: Callable[[Counts], Float[np.ndarray, "r"]]) -> Weighted:
    def function(
        labels: Float[np.ndarray, "n"], scores: Float[np.ndarray, "n"], weights: Integer[np.ndarray, "r n"]
    ) -> Float[np.ndarray, "r"]:
        if not np.isin(scores, (0.0, 1.0)).all():
            return np.full(len(weights), np.nan)
        return measure(thresholds.count(labels, scores, weights, 0.5))

    return function


_SHARE, _AGREEMENT, _ANY = (0.0, 1.0), (-1.0, 1.0), (-math.inf, math.inf)
_AT_THRESHOLD: dict[str, tuple[str, tuple[float, float], float | None]] = {
    "sensitivity": ("Sens.", _SHARE, None),
    "specificity": ("Spec.", _SHARE, None),
    "precision": ("Precision", _SHARE, None),
    "balanced_accuracy": ("Bal. acc.", _SHARE, 0.5),
    "f1": ("F1", _SHARE, None),
    "mcc": ("MCC", _AGREEMENT, 0.0),
    "kappa": ("Kappa", _AGREEMENT, 0.0),
}
"""Title, range and chance of each of `thresholds.AT_THRESHOLD`."""
METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("auroc", "AUROC", "higher", "ranking", auroc, chance=0.5),
        Metric("ap", "AP", "higher", "ranking", average_precision),
        Metric("log_loss", "Log loss", "lower", "probability", log_loss, range=(0.0, math.inf)),
        Metric("brier", "Brier", "lower", "probability", brier),
        Metric("ece", "ECE", "lower", "probability", calibration_error),
        Metric("calibration_slope", "Cal. slope", "one", "probability", calibration_slope, range=_ANY),
        Metric("calibration_intercept", "Cal. int.", "zero", "probability", calibration_intercept, range=_ANY),
        Metric("sensitivity_at_specificity", "Sens@90", "higher", "operating", thresholds.sensitivity_at_specificity),
        Metric("specificity_at_sensitivity", "Spec@90", "higher", "operating", thresholds.specificity_at_sensitivity),
        *(
            Metric(name, title, "higher", "threshold", _of_answers(thresholds.AT_THRESHOLD[name]), bounds, chance)
            for name, (title, bounds, chance) in _AT_THRESHOLD.items()
        ),
    )
}
ALIKE = frozenset({"auroc", "log_loss", "brier", "ece", "balanced_accuracy", "mcc", "kappa"})
"""Metrics that treat both classes alike: the value for a class is also that for its complement."""
PRIMARY = METRICS["auroc"]
"""The metric that decides by default which epoch is the best and which of two models is better."""
