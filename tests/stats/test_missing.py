"""The missing-rate curve runs from what the one showing gives to what the other does."""

from __future__ import annotations

import numpy as np
import pytest

from mmdx.stats.metrics import METRICS
from mmdx.stats.missing import missing_rate_curve

AUROC = METRICS["auroc"]


def cohort(count: int = 80) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    labels = (rng.random((count, 2)) < 0.4).astype(float)
    return labels, labels + 0.3 * rng.normal(size=labels.shape), rng.normal(size=labels.shape)


def test_the_ends_are_the_two_showings():
    labels, shown, withheld = cohort()
    points = missing_rate_curve(AUROC, labels, shown, withheld, np.arange(80), resamples=100)
    once = np.ones((1, 80), dtype=np.int32)
    for scores, point in ((shown, points[0]), (withheld, points[-1])):
        expected = np.mean([AUROC.function(labels[:, f], scores[:, f], once)[0] for f in range(2)])
        assert point.estimate.value == pytest.approx(expected)
    assert [point.rate for point in points] == [k / 10 for k in range(11)]


def test_more_missing_is_worse_where_the_modality_helps():
    labels, shown, withheld = cohort()
    values = [
        p.estimate.value for p in missing_rate_curve(AUROC, labels, shown, withheld, np.arange(80), resamples=100)
    ]
    assert values == sorted(values, reverse=True)
    assert all(
        p.estimate.low < p.estimate.value < p.estimate.high
        for p in missing_rate_curve(AUROC, labels, shown, withheld, np.arange(80), rates=[0.5], resamples=200)
    )


def test_unknown_labels_do_not_count():
    labels, shown, withheld = cohort()
    labels[:10, 0], changed = np.nan, shown.copy()
    changed[:10, 0] = 5.0
    first, second = (
        missing_rate_curve(AUROC, labels, scores, withheld, np.arange(80), rates=[0.3], resamples=100)
        for scores in (shown, changed)
    )
    assert first == second


def test_a_refusal_keeps_the_intervals_back():
    labels, shown, withheld = cohort()
    found = missing_rate_curve(AUROC, labels, shown, withheld, np.arange(80), rates=[0.5], resamples=100, refused="few")
    assert (found[0].estimate.low, found[0].estimate.refused) == (None, "few")
