"""How much values of several sites differ beyond chance: the random effects of DerSimonian and Laird (1986)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.special import ndtri
from scipy.stats import chi2
from scipy.stats import t as student

from mmdx.stats.resampling.intervals import CONFIDENCE

NOTHING = 1e-12
"""A variance up to which no resample changed the value, but for its last digits."""


@dataclass(frozen=True)
class Pooled:
    """The mean over sites with its 95 % interval. `tau` is the standard deviation between sites, `i2` the share of the
    variance that is between them (Higgins and Thompson 2002), `q` and `p` Cochran's test that it is none.

    `lowest` to `highest` is the 95 % prediction interval for a further site (Higgins 2009); None with two sites.
    """

    value: float
    low: float
    high: float
    sites: int
    tau: float
    i2: float
    q: float
    p: float
    lowest: float | None
    highest: float | None

    def to_json(self) -> dict[str, Any]:
        """Plain values by the names of the fields."""
        return asdict(self)


def pool(
    values: Float[np.ndarray, "k"], variances: Float[np.ndarray, "k"], *, least: float = 0.0, most: float = 1.0
) -> Pooled | None:
    """The mean of values of sites with known variances; None for fewer than two that have a variance above 0.

    No bound passes `least` or `most`, which no value can.
    """
    known = ~np.isnan(values) & (variances > NOTHING)
    values, variances = values[known], variances[known]
    count = len(values)
    if count < 2:
        return None
    weights = 1 / variances
    fixed = float((weights * values).sum() / weights.sum())
    q = float((weights * (values - fixed) ** 2).sum())
    scale = float(weights.sum() - (weights**2).sum() / weights.sum())
    tau2 = max(0.0, (q - (count - 1)) / scale)
    random = 1 / (variances + tau2)
    value, error = float((random * values).sum() / random.sum()), float(1 / np.sqrt(random.sum()))
    reach = float(ndtri((1 + CONFIDENCE) / 2)) * error
    lowest = highest = None
    if count > 2:
        further = float(student.ppf((1 + CONFIDENCE) / 2, count - 2)) * np.sqrt(tau2 + error**2)
        lowest, highest = max(float(value - further), least), min(float(value + further), most)
    i2 = max(0.0, (q - (count - 1)) / q) if q > 0 else 0.0
    p = float(chi2.sf(q, count - 1))
    low, high = max(value - reach, least), min(value + reach, most)
    return Pooled(value, low, high, count, float(np.sqrt(tau2)), i2, q, p, lowest, highest)
