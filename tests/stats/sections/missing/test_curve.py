"""The missing-rate curve runs from what the one showing gives to what the other does."""

from __future__ import annotations

import numpy as np
import pytest
from arms_by_hand import cohort_of

from mmdx.stats.cohort.choices import Scored
from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.comparison.sampled import sample_scores
from mmdx.stats.metrics.complements import both_classes
from mmdx.stats.metrics.registry import METRICS, auroc
from mmdx.stats.sections.missing.curve import CurvePoint, half_withheld, missing_rate_curve


def cohort(count: int = 80) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    labels = (rng.random((count, 2)) < 0.4).astype(float)
    return labels, labels + 0.3 * rng.normal(size=labels.shape), rng.normal(size=labels.shape)


def curve(labels, shown, withheld, *, refused: str | None = None, **asked) -> list[CurvePoint]:
    halves = half_withheld(labels, shown, withheld)
    made = cohort_of(labels, {"image+report": shown, "image": withheld})
    sampled = sample_scores(
        made,
        METRICS["auroc"],
        [[Scored(each, each, each)] for each in (shown, *halves, withheld)],
        Resampler.of(made, resamples=200, seed=0),
    )
    first, *mixed, last = (each.macro(both_classes(labels), refused=refused) for each in sampled)
    return missing_rate_curve(first, last, tuple(mixed), **asked)


def test_by_hand():
    """Two positives, one negative: shown, both stand above it; withheld, the second positive falls below either.

    A pair of shown rows is right always, as is one with the negative alone withheld; with the positive withheld half of
    the pairs are: at a rate r the AUROC is 1 - r / 2.
    """
    labels = np.array([[1.0], [1.0], [0.0]])
    shown, withheld = np.array([[0.9], [0.8], [0.5]]), np.array([[0.9], [0.1], [0.5]])
    points = curve(labels, shown, withheld, rates=[0.0, 0.25, 1.0])
    assert [point.estimate.value for point in points] == pytest.approx([1.0, 0.875, 0.5])


def test_the_ends_are_the_two_showings():
    labels, shown, withheld = cohort()
    points = curve(labels, shown, withheld)
    once = np.ones((1, 80), dtype=np.int32)
    for scores, point in ((shown, points[0]), (withheld, points[-1])):
        expected = np.mean([auroc(labels[:, f], scores[:, f], once)[0] for f in range(2)])
        assert point.estimate.value == pytest.approx(expected)
    assert [point.rate for point in points] == [k / 10 for k in range(11)]


def test_it_is_the_mean_over_draws_of_which_studies_lack_the_modality():
    labels, shown, withheld = cohort()
    once, rng = np.ones((1, 80), dtype=np.int32), np.random.default_rng(1)
    drawn = []
    for _ in range(2000):
        scores = np.where(rng.random(80)[:, None] < 0.3, withheld, shown)
        drawn.append(np.mean([auroc(labels[:, f], scores[:, f], once)[0] for f in range(2)]))
    point = curve(labels, shown, withheld, rates=[0.3])[0]
    assert point.estimate.value == pytest.approx(np.mean(drawn), abs=4 * np.std(drawn) / np.sqrt(2000))


def test_more_missing_is_worse_where_the_modality_helps():
    labels, shown, withheld = cohort()
    points = curve(labels, shown, withheld)
    values = [point.estimate.value for point in points]
    assert values == sorted(values, reverse=True)
    assert all(p.estimate.low < p.estimate.value < p.estimate.high for p in points)


def test_unknown_labels_do_not_count():
    labels, shown, withheld = cohort()
    labels[:10, 0], changed = np.nan, shown.copy()
    changed[:10, 0] = 5.0
    first, second = (curve(labels, scores, withheld, rates=[0.3]) for scores in (shown, changed))
    assert first == second


def test_a_finding_of_one_class_is_left_out_of_the_mean():
    labels, shown, withheld = cohort()
    one_class = labels.copy()
    one_class[:, 1] = 0.0
    both = curve(one_class, shown, withheld, rates=[0.4])
    alone = curve(labels[:, :1], shown[:, :1], withheld[:, :1], rates=[0.4])
    assert both == alone
    none = curve(np.zeros_like(labels), shown, withheld, rates=[0.4])
    assert np.isnan(none[0].estimate.value)


def test_a_refusal_keeps_the_intervals_back():
    labels, shown, withheld = cohort()
    found = curve(labels, shown, withheld, rates=[0.5], refused="few")
    assert (found[0].estimate.low, found[0].estimate.refused) == (None, "few")
