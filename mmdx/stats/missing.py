"""The missing-rate curve: how good one checkpoint is when a modality is absent from a growing share of studies.

Two showings of one run are enough: the scores with the modality and those without it. At a rate r each study is scored
without it by the chance r, drawn anew in every resample, so that the intervals hold both patients and draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from mmdx.stats.intervals import Estimate, draw_patients, interval
from mmdx.stats.metrics import Metric

RATES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
DRAWS = 200
"""Draws of which studies lack the modality, over which the value at a rate is the mean."""


@dataclass(frozen=True)
class CurvePoint:
    """The value of a metric where a share `rate` of the studies lacks the modality."""

    rate: float
    estimate: Estimate


def missing_rate_curve(
    metric: Metric,
    labels: Float[np.ndarray, "n f"],
    shown: Float[np.ndarray, "n f"],
    withheld: Float[np.ndarray, "n f"],
    patients: Int[np.ndarray, "n"],
    *,
    rates: Sequence[float] = RATES,
    resamples: int = 1000,
    seed: int = 0,
    refused: str | None = None,
) -> list[CurvePoint]:
    """The macro mean of `metric` over findings, at each rate. `labels` are NaN where unknown.

    A row is a study. Ends meet what the two showings give by themselves. A reason given as `refused` keeps the
    intervals back.
    """
    points = []
    for rate in rates:
        generator = np.random.default_rng([seed, round(rate * 1000)])
        once = np.ones((DRAWS, len(labels)), dtype=np.int32)
        value = float(np.mean(_mixed(metric, labels, shown, withheld, once, rate, generator)))
        spread = np.full(resamples, np.nan)
        for place, weights in draw_patients(patients, resamples=resamples, seed=seed):
            spread[place] = _mixed(metric, labels, shown, withheld, weights, rate, generator)
        points.append(CurvePoint(rate, interval(value, spread, refused=refused)))
    return points


def _mixed(
    metric: Metric,
    labels: Float[np.ndarray, "n f"],
    shown: Float[np.ndarray, "n f"],
    withheld: Float[np.ndarray, "n f"],
    weights: Int[np.ndarray, "r n"],
    rate: float,
    generator: np.random.Generator,
) -> Float[np.ndarray, "r"]:
    """The macro mean in each resample, every study scored with or without the modality: weights pick which."""
    lacks = generator.random(weights.shape) < rate
    both = np.hstack([weights * ~lacks, weights * lacks]).astype(np.int32)
    values = []
    for f in range(labels.shape[1]):
        known = ~np.isnan(labels[:, f])
        truth = np.tile(labels[known, f], 2)
        scores = np.concatenate([shown[known, f], withheld[known, f]])
        values.append(metric.function(truth, scores, both[:, np.tile(known, 2)]))
    return np.mean(values, axis=0)
