"""A metric of several arms over the same resamples of patients, and its macro mean over findings.

A macro mean is over the findings of which both classes are known, the same ones in every arm, and is undefined in a
resample that lacks a class of any of them. An arm of several trainings is the mean of their values, resample by
resample, so that its interval is one over patients alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, Integer

from mmdx.stats.cohort.cohort import Cohort
from mmdx.stats.metrics import ranking
from mmdx.stats.metrics.ranking import Ladder
from mmdx.stats.metrics.registry import Metric
from mmdx.stats.resampling.intervals import FEWEST_IN_MEAN, Estimate, draw_counts, interval, rare_strata, why_too_few
from mmdx.stats.significance.difference import Difference, NonInferiority, non_inferiority, paired_difference

CELLS = 1_000_000_000
"""Rows times scores times resamples that a part of a comparison may take: a few seconds on one core."""
FEWEST_RESAMPLES = 200
AT_ONCE = 128
OF_ORDER = {"auroc": ranking.auroc, "ap": ranking.average_precision}


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


def sample(cohort: Cohort, metric: Metric, arms: Sequence[int], *, resamples: int, seed: int) -> list[Sampled]:
    """The metric of some arms with all their trainings, over the same resamples."""
    trainings = [[training.scores for training in cohort.scored[arm]] for arm in arms]
    return sample_scores(cohort, metric, trainings, resamples=resamples, seed=seed)


def sample_scores(
    cohort: Cohort,
    metric: Metric,
    trainings: Sequence[Sequence[Float[np.ndarray, "n f"]]],
    *,
    resamples: int,
    seed: int,
) -> list[Sampled]:
    """The metric of any scores of the cohort's rows, by arm and training, over the same resamples."""
    every_row, scores = np.ones((1, len(cohort.patients)), dtype=bool), np.stack([s for arm in trainings for s in arm])
    points, resampled = sample_groups(
        metric, cohort.labels, scores, cohort.patients, every_row, resamples=resamples, seed=seed
    )
    ends = np.cumsum([len(arm) for arm in trainings])[:-1]
    return [Sampled(*pair) for pair in zip(np.split(points[0], ends), np.split(resampled[0], ends), strict=True)]


def affordable(resamples: int, *, values: int) -> int:
    """How many of the asked resamples fit in a few seconds, where each takes so many values of rows."""
    return min(resamples, max(FEWEST_RESAMPLES, CELLS // max(values, 1)))


def sample_groups(
    metric: Metric,
    labels: Float[np.ndarray, "n f"],
    scores: Float[np.ndarray, "s n f"],
    patients: Int[np.ndarray, "n"],
    groups: Bool[np.ndarray, "g n"],
    *,
    resamples: int,
    seed: int,
) -> tuple[Float[np.ndarray, "g s f"], Float[np.ndarray, "g s f r"]]:
    """The metric in each group of rows, by set of scores and finding: on each row once, and in each resample.

    Patients are drawn from all rows, so that groups and scores share their resamples, and as `Measured` draws them.
    """
    count = int(patients.max()) + 1
    heaviest = int(np.bincount(patients).max()) * count
    dtype = np.dtype(np.uint16 if heaviest < 2**16 else np.uint32)
    readings = {}
    for g, group in enumerate(groups):
        for f in range(labels.shape[1]):
            rows = np.flatnonzero(group & ~np.isnan(labels[:, f]))
            for s in range(len(scores)) if len(rows) else ():
                readings[g, s, f] = _reading(metric, labels[rows, f], scores[s, rows, f], patients[rows], count, dtype)
    shape = (len(groups), len(scores), labels.shape[1])
    points, resampled = np.full(shape, np.nan), np.full((*shape, resamples), np.nan)
    once = np.ones((count, 1), dtype=dtype)
    for place, reading in readings.items():
        points[place] = reading(once)[0]
    strata = rare_strata(labels, patients)
    drawn = draw_counts(patients, resamples=resamples, seed=seed, at_once=AT_ONCE, strata=strata)
    for part, counts in drawn:
        weights = np.ascontiguousarray(counts.T, dtype=dtype)
        for place, reading in readings.items():
            resampled[*place, part] = reading(weights)
    return points, resampled


def _reading(
    metric: Metric,
    labels: Float[np.ndarray, "n"],
    scores: Float[np.ndarray, "n"],
    patients: Int[np.ndarray, "n"],
    count: int,
    dtype: np.dtype,
) -> Callable[[Integer[np.ndarray, "p r"]], Float[np.ndarray, "r"]]:
    """The metric of some rows as a function of how often each patient was drawn; what is sorted is sorted once."""
    if metric.name in OF_ORDER:
        ladder = Ladder(labels, scores, patients, count, dtype)
        return lambda weights: OF_ORDER[metric.name](ladder.climb(weights))
    return lambda weights: metric.function(labels, scores, weights.T[:, patients].astype(np.int64))


def both_classes(labels: Float[np.ndarray, "n f"]) -> list[int]:
    """The findings that have positive and negative rows."""
    return np.flatnonzero((labels == 1).any(axis=0) & (labels == 0).any(axis=0)).tolist()


def why_no_mean(cohort: Cohort, included: Sequence[int], rows: Bool[np.ndarray, "n"] | None = None) -> str | None:
    """The reason why the macro mean over some findings has no interval; None where it has one.

    A mean of one finding is held to that finding's own rule.
    """
    rows = np.ones(len(cohort.patients), dtype=bool) if rows is None else rows
    labels, patients = cohort.labels[rows], cohort.patients[rows]
    if not len(included):
        return "no finding has labels of both classes"
    if len(included) == 1:
        return why_too_few(labels[:, included[0]], patients)
    for f in included:
        reason = why_too_few(labels[:, f], patients, fewest=FEWEST_IN_MEAN)
        if reason:
            return f"{cohort.findings[f]}: {reason}"
    return None


def mean_name(cohort: Cohort, included: Sequence[int], metric: Metric) -> str:
    """What the mean over some findings is called: `macro AUROC`, or `AUROC for edema` where it is of one."""
    if len(included) == 1:
        return f"{metric.title} for {cohort.findings[included[0]]}"
    return f"macro {metric.title}"
