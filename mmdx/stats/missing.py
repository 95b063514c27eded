"""The missing-rate curve: how good one checkpoint is when a modality is absent from a growing share of studies.

Two showings of one run are enough: the scores with the modality and those without it. An AUROC counts pairs of a
positive and a negative row, and at a rate r the one of a pair lacks the modality by the chance r, and the other by
itself, so that the AUROC to be expected over all ways of losing it is

    (1 - r)^2 A + r (1 - r) (B + C) + r^2 D

with A of both rows shown, D of both withheld, and B and C of the positive or the negative one alone withheld. Nothing
is drawn but patients: the curve is exact, the same each time, and costs four AUROCs whatever the number of rates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from mmdx.stats.intervals import Estimate, draw_patients, interval
from mmdx.stats.macro import both_classes
from mmdx.stats.metrics import auroc

RATES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


@dataclass(frozen=True)
class CurvePoint:
    """The macro AUROC where a share `rate` of the studies lacks the modality."""

    rate: float
    estimate: Estimate


def missing_rate_curve(
    labels: Float[np.ndarray, "n f"],
    shown: Float[np.ndarray, "t n f"],
    withheld: Float[np.ndarray, "t n f"],
    patients: Int[np.ndarray, "n"],
    *,
    rates: Sequence[float] = RATES,
    resamples: int = 1000,
    seed: int = 0,
    refused: str | None = None,
) -> list[CurvePoint]:
    """The AUROC at each rate, the mean over trainings and over the findings with labels of both classes.

    The ends are what the two showings give by themselves. Intervals are over patients. Labels are NaN where unknown. A
    reason given as `refused` keeps the intervals back.
    """
    once = np.ones((1, len(labels)), dtype=np.int32)
    value = _pairs(labels, shown, withheld, once)[:, 0]
    resampled = np.full((4, resamples), np.nan)
    for place, weights in draw_patients(patients, resamples=resamples, seed=seed):
        resampled[:, place] = _pairs(labels, shown, withheld, weights)
    points = []
    for rate in rates:
        shares = np.array([(1 - rate) ** 2, rate * (1 - rate), rate * (1 - rate), rate**2])
        points.append(CurvePoint(rate, interval(float(shares @ value), shares @ resampled, refused=refused)))
    return points


def _pairs(
    labels: Float[np.ndarray, "n f"],
    shown: Float[np.ndarray, "t n f"],
    withheld: Float[np.ndarray, "t n f"],
    weights: Int[np.ndarray, "r n"],
) -> Float[np.ndarray, "4 r"]:
    """The macro AUROC with both rows of a pair shown, the positive one alone withheld, the negative one, and both."""
    included = both_classes(labels)
    total = np.full((4, len(weights)), 0.0 if included else np.nan)
    for f in included:
        known = np.flatnonzero(~np.isnan(labels[:, f]))
        truth, drawn = labels[known, f], weights[:, known]
        for with_it, without in zip(shown[:, known, f], withheld[:, known, f], strict=True):
            mixed = (
                with_it,
                np.where(truth == 1, without, with_it),
                np.where(truth == 1, with_it, without),
                without,
            )
            total += np.stack([auroc(truth, scores, drawn) for scores in mixed])
    return total / max(len(included) * len(shown), 1)
