"""Every measure of every arm of a cohort: of each finding, and of the micro, the weighted and the macro mean."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from mmdx.stats.cohort.cohort import Cohort
from mmdx.stats.comparison.panel import Panel
from mmdx.stats.comparison.resampler import Resampler

MEANS = ("micro", "weighted", None)
"""What follows the findings along the axis `g`. Micro pools the rows of all findings; the others are means over the
`included` findings: weighted by their positive rows in the cohort, or (macro, None) unweighted."""


class Measured:
    """Arrays `[a m g r]`: arms, `METRICS`, findings followed by `MEANS`, resamples.

    An arm of several trainings has their mean. NaN where a measure is undefined: a mean is undefined where one of its
    findings is, or where no finding is included.
    """

    def __init__(self, cohort: Cohort, included: Sequence[int]) -> None:
        self._panel = Panel(
            cohort.labels, [training for trainings in cohort.scored for training in trainings], cohort.patients
        )
        self._first = np.cumsum([0, *(len(trainings) for trainings in cohort.scored)])
        self._included = list(included)
        positives = (cohort.labels[:, self._included] == 1).sum(axis=0).astype(float)
        self._weights = positives / positives.sum() if positives.sum() else np.zeros(0)

    def points(self) -> Float[np.ndarray, "a m g"]:
        """Each row once."""
        return self._averaged(self._panel.points()[..., None])[..., 0]

    def resampled(self, resampler: Resampler) -> Float[np.ndarray, "a m g r"]:
        """Over resamples of the patients, the same ones for all."""
        return self._averaged(self._panel.resampled(resampler))

    def jackknife(self) -> Float[np.ndarray, "a m g k"]:
        """Without each patient, or without each part of many patients (`Panel.jackknife`)."""
        return self._averaged(self._panel.jackknife())

    def trainings(self, arm: int) -> Float[np.ndarray, "s m g"]:
        """The points of each training of an arm."""
        points = self._panel.points()[self._first[arm] : self._first[arm + 1]]
        return self._with_means(points[..., None])[..., 0]

    def _averaged(self, values: Float[np.ndarray, "t m f r"]) -> Float[np.ndarray, "a m g r"]:
        return self._with_means(np.add.reduceat(values, self._first[:-1], axis=0) / self._sizes)

    @property
    def _sizes(self) -> np.ndarray:
        return np.diff(self._first)[:, None, None, None]

    def _with_means(self, values: Float[np.ndarray, "a m f r"]) -> Float[np.ndarray, "a m g r"]:
        findings = values[:, :, self._included]
        missing = np.full_like(values[:, :, :1], np.nan)
        macro = findings.mean(axis=2, keepdims=True) if self._included else missing
        weighted = np.einsum("amfr,f->amr", findings, self._weights)[:, :, None] if self._included else missing
        return np.concatenate([values, weighted, macro], axis=2)
