"""A metric of several arms over the same resamples of patients, and its macro mean over findings.

A macro mean is over the findings of which both classes are known, the same ones in every arm, and is undefined in a
resample that lacks a class of any of them. An arm of several trainings is the mean of their values, resample by
resample, so that its interval is one over patients alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from mmdx.stats.cohort.choices import Scored
from mmdx.stats.cohort.cohort import Cohort
from mmdx.stats.comparison.drawn import Sampled
from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.metrics.registry import Metric


def sample(cohort: Cohort, metric: Metric, arms: Sequence[int], resampler: Resampler) -> list[Sampled]:
    """The metric of some arms with all their trainings, over the same resamples."""
    return sample_scores(cohort, metric, [cohort.scored[arm] for arm in arms], resampler)


def sample_scores(
    cohort: Cohort, metric: Metric, trainings: Sequence[Sequence[Scored]], resampler: Resampler
) -> list[Sampled]:
    """The metric of any scores of the cohort's rows, by arm and training, over the same resamples."""
    every_row, scored = np.ones(len(cohort.patients), dtype=bool), [s for arm in trainings for s in arm]
    scores, folds = np.stack([one.scores for one in scored]), [one.folds for one in scored]
    (sampled,) = resampler.over(metric, cohort.labels, scores, subsets=[every_row], folds=folds)
    ends = np.cumsum([0, *(len(arm) for arm in trainings)])
    return [sampled.trainings(slice(*pair)) for pair in pairwise(ends)]


def mean_name(cohort: Cohort, included: Sequence[int], metric: Metric) -> str:
    """What the mean over some findings is called: `macro AUROC`, or `AUROC for edema` where it is of one."""
    if len(included) == 1:
        return f"{metric.title} for {cohort.findings[included[0]]}"
    return f"macro {metric.title}"
