"""The missing-rate curve: how good one checkpoint is when a modality is absent from a growing share of studies.

Two showings of one run are enough: the scores with the modality and those without it. An AUROC counts pairs of a
positive and a negative row. At rate r each of the two rows lacks the modality with probability r, independently of the
other, so that the expected AUROC over all ways of losing it is

    (1 - r)^2 A + r (1 - r) (B + C) + r^2 D

with A where both rows have it, D where both lack it, and B and C where the positive or the negative one alone lacks it.
Only patients are drawn: the curve is exact, the same each time, and costs four AUROCs whatever the number of rates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from mmdx.stats.comparison.drawn import Drawn
from mmdx.stats.resampling.intervals import Estimate

RATES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


@dataclass(frozen=True)
class CurvePoint:
    """The AUROC where a share `rate` of the studies lacks the modality."""

    rate: float
    estimate: Estimate


def half_withheld(
    labels: Float[np.ndarray, "n f"], shown: Float[np.ndarray, "n f"], withheld: Float[np.ndarray, "n f"]
) -> tuple[Float[np.ndarray, "n f"], Float[np.ndarray, "n f"]]:
    """The scores with the modality withheld from the positive rows alone, and from the others alone."""
    return np.where(labels == 1, withheld, shown), np.where(labels == 1, shown, withheld)


def missing_rate_curve(
    shown: Drawn, withheld: Drawn, halves: tuple[Drawn, Drawn], *, rates: Sequence[float] = RATES
) -> list[CurvePoint]:
    """The AUROC at each rate, from that of both showings and of the `half_withheld` scores over the same resamples.

    The ends are the two showings.
    """
    parts = (shown, *halves, withheld)
    values, resampled = np.array([part.value for part in parts]), np.stack([part.resampled for part in parts])
    points = []
    for rate in rates:
        shares = np.array([(1 - rate) ** 2, rate * (1 - rate), rate * (1 - rate), rate**2])
        mixed = Drawn(float(shares @ values), shares @ resampled, shown.refused)
        points.append(CurvePoint(rate, mixed.estimate))
    return points
