"""A value beside what it is in each resample of the patients: what intervals and paired tests are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from mmdx.stats.resampling.intervals import Estimate, interval
from mmdx.stats.significance.difference import Difference, NonInferiority, non_inferiority, paired_difference


@dataclass(frozen=True)
class Drawn:
    """A value and what it is in each resample of the patients; `refused` is the reason to give no interval of it."""

    value: float
    resampled: Float[np.ndarray, "r"]
    refused: str | None = None

    @property
    def estimate(self) -> Estimate:
        return interval(self.value, self.resampled, refused=self.refused)

    def minus(self, other: Drawn) -> Difference:
        """The paired difference to a value over the same resamples."""
        pair = self.resampled, other.resampled
        return paired_difference(self.value, other.value, *pair, refused=self.refused or other.refused)

    def at_most_worse(self, other: Drawn, *, margin: float) -> NonInferiority:
        """Whether this value, higher being better, is at most `margin` below the other."""
        pair, refused = (self.resampled, other.resampled), self.refused or other.refused
        return non_inferiority(self.value, other.value, *pair, margin=margin, refused=refused)


@dataclass(frozen=True)
class Sampled:
    """One metric by training and finding: on each row once, and in each resample of the patients."""

    points: Float[np.ndarray, "t f"]
    resampled: Float[np.ndarray, "t f r"]

    def macro(self, findings: Sequence[int], *, refused: str | None = None) -> Drawn:
        """The mean over some findings and all trainings; undefined where one of them is, or no finding is given."""
        if not len(findings):
            return Drawn(float("nan"), np.full(self.resampled.shape[2], np.nan), refused)
        chosen = list(findings)
        return Drawn(float(self.points[:, chosen].mean()), self.resampled[:, chosen].mean(axis=(0, 1)), refused)

    def training(self, number: int) -> Sampled:
        """One training alone."""
        return Sampled(self.points[[number]], self.resampled[[number]])

    def trainings(self, chosen: slice) -> Sampled:
        """Some trainings that follow each other."""
        return Sampled(self.points[chosen], self.resampled[chosen])
