"""Sampled metrics are those of the comparison, draw by draw."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from arms_by_hand import cohort_of, halves, noisy
from asking import compared

from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.comparison.sampled import sample
from mmdx.stats.metrics.complements import both_classes
from mmdx.stats.metrics.registry import METRICS

LABELS = halves(60)


@pytest.mark.parametrize("metric", ["auroc", "ap", "log_loss"])
@pytest.mark.parametrize("patients", [np.arange(60), np.repeat(np.arange(20), 3)])
def test_intervals_and_differences_are_those_of_the_comparison(metric, patients):
    labels = LABELS.copy()
    labels[:7, 0] = np.nan
    arms = {"image+report": [noisy(labels, 2.0), noisy(labels, 3.0, seed=1)], "image": noisy(labels, 5.0, seed=2)}
    cohort = cohort_of(labels, arms, patients=patients)
    cohort = replace(cohort, arms=tuple(replace(arm, kind="model") for arm in cohort.arms))
    made = compared(cohort, resamples=200, seed=3)
    first, second = sample(cohort, METRICS[metric], [0, 1], Resampler.of(cohort, resamples=200, seed=3))
    ours, theirs = first.macro([0, 1]).estimate, made.estimates["image+report", metric, None]
    assert (ours.value, ours.low, ours.high) == pytest.approx((theirs.value, theirs.low, theirs.high))
    ours, theirs = first.macro([0, 1]).minus(second.macro([0, 1])), made.differences["image", metric, None]
    assert (ours.estimate.low, ours.estimate.high, ours.p) == pytest.approx(
        (theirs.estimate.low, theirs.estimate.high, theirs.p)
    )


def test_a_mean_of_nothing_is_undefined():
    cohort = cohort_of(np.zeros((10, 2)), {"image": noisy(np.zeros((10, 2)), 1.0)})
    assert both_classes(cohort.labels) == []
    (sampled,) = sample(cohort, METRICS["auroc"], [0], Resampler.of(cohort, resamples=50, seed=0))
    assert np.isnan(sampled.macro([]).value)
