"""Within folds by hand: two models of which one says much higher scores than the other."""

from __future__ import annotations

import numpy as np
import pytest

from mmdx.stats.metrics.folds import Ladders, comparable, fold_rows, measure, ranks_within, same_folds
from mmdx.stats.metrics.ranking import auroc, average_precision
from mmdx.stats.metrics.registry import METRICS

LABELS = np.array([1.0, 0.0, 1.0, 0.0, 0.0])
SCORES = np.array([0.2, 0.1, 0.9, 0.95, 0.8])
FOLDS = np.array([0, 0, 1, 1, 1])
ONCE = np.ones((1, 5), dtype=np.int64)


def test_the_auroc_counts_pairs_within_folds():
    """In fold 0 one of one pair is right, in fold 1 one of two; pooled, 0.2 also lies below 0.95 and 0.8."""
    assert measure(METRICS["auroc"], LABELS, SCORES, ONCE, FOLDS)[0] == pytest.approx(2 / 3)
    assert measure(METRICS["auroc"], LABELS, SCORES, ONCE, None)[0] == pytest.approx(3 / 6)


def test_a_row_that_is_drawn_twice_has_twice_the_pairs():
    twice = np.array([[2, 1, 1, 1, 1]])
    assert measure(METRICS["auroc"], LABELS, SCORES, twice, FOLDS)[0] == pytest.approx(3 / 4)


def test_average_precision_and_operating_points_take_ranks_within_folds():
    """Ranks: 0.75 and 0.25 in fold 0, a half for the positive and 5/6 for the negative above it in fold 1."""
    assert ranks_within(SCORES, FOLDS) == pytest.approx([0.75, 0.25, 0.5, 5 / 6, 1 / 6])
    assert measure(METRICS["ap"], LABELS, SCORES, ONCE, FOLDS)[0] == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert measure(METRICS["specificity_at_sensitivity"], LABELS, SCORES, ONCE, FOLDS)[0] == pytest.approx(2 / 3)


def test_what_is_made_of_single_rows_takes_scores_as_they_are():
    pooled = METRICS["brier"].function(LABELS, SCORES, ONCE)
    assert measure(METRICS["brier"], LABELS, SCORES, ONCE, FOLDS) == pytest.approx(pooled)


def test_ladders_give_the_same():
    weights = np.array([[1, 2, 0], [1, 1, 1], [1, 1, 3], [1, 0, 1], [1, 1, 1]])
    climbed = Ladders(LABELS, SCORES, FOLDS, np.arange(5), (5, np.dtype(np.int64))).climb(weights)
    expected = [measure(METRICS[name], LABELS, SCORES, weights.T, FOLDS) for name in ("auroc", "ap")]
    assert auroc(*climbed.by_fold) == pytest.approx(expected[0])
    assert average_precision(climbed.ranked) == pytest.approx(expected[1])
    alone = Ladders(LABELS, SCORES, None, np.arange(5), (5, np.dtype(np.int64))).climb(weights)
    assert auroc(*alone.by_fold) == pytest.approx(METRICS["auroc"].function(LABELS, SCORES, weights.T))


def test_without_a_fold_of_both_classes_nothing_is_compared():
    folds = np.array([0, 1, 0, 1, 1])
    assert np.isnan(measure(METRICS["auroc"], LABELS, SCORES, ONCE, folds)[0])
    assert (comparable(LABELS, folds), comparable(LABELS, FOLDS), comparable(LABELS, None)) == (False, True, True)
    assert not comparable(np.array([1.0, np.nan]), None)


def test_folds_are_the_same_whatever_they_are_called():
    assert same_folds(FOLDS, 1 - FOLDS)
    assert same_folds(None, None)
    assert not same_folds(FOLDS, None)
    assert not same_folds(FOLDS, np.array([0, 0, 1, 1, 2]))
    assert not same_folds(np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]))
    assert [rows.tolist() for rows in fold_rows(np.array([1, 0, 1]))] == [[1], [0, 2]]
