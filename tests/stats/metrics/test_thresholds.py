"""Counts at a threshold, against scikit-learn and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from mmdx.stats.metrics.thresholds import (
    AT_THRESHOLD,
    choose_threshold,
    count,
    sensitivity_at_specificity,
    specificity_at_sensitivity,
    threshold_reaching,
)

LABELS = np.array([1.0, 1, 1, 0, 0, 0, 0, 0])
SCORES = np.array([0.9, 0.7, 0.3, 0.8, 0.4, 0.3, 0.2, 0.1])
ONCE = np.ones((1, 8), dtype=np.int32)


def cohort(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = (rng.random(60) < 0.3).astype(float)
    return labels, np.round(np.clip(rng.normal(0.4 + 0.2 * labels, 0.2), 0, 1), 2), rng.integers(0, 4, (3, 60))


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("sensitivity", metrics.recall_score),
        ("precision", metrics.precision_score),
        ("balanced_accuracy", metrics.balanced_accuracy_score),
        ("f1", metrics.f1_score),
        ("mcc", metrics.matthews_corrcoef),
        ("kappa", metrics.cohen_kappa_score),
    ],
)
@pytest.mark.parametrize("seed", range(3))
def test_the_values_are_those_of_scikit_learn(name, reference, seed):
    labels, scores, weights = cohort(seed)
    found = AT_THRESHOLD[name](count(labels, scores, weights, 0.5))
    expected = [reference(labels, scores >= 0.5, sample_weight=row) for row in weights]
    assert found.tolist() == pytest.approx(expected)


def test_a_score_at_the_threshold_is_a_yes():
    assert AT_THRESHOLD["sensitivity"](count(LABELS, SCORES, ONCE, 0.3)).tolist() == [1.0]


def test_nothing_called_positive_has_no_precision():
    found = count(LABELS, SCORES, ONCE, 0.95)
    assert np.isnan(AT_THRESHOLD["precision"](found)).all()
    assert AT_THRESHOLD["f1"](found).tolist() == [0.0]


def test_sensitivity_at_a_specificity_by_hand():
    """Of five negatives one may be called positive: two of three positives stand above the second highest of them."""
    assert sensitivity_at_specificity(LABELS, SCORES, ONCE, least=0.8).tolist() == [pytest.approx(2 / 3)]
    assert sensitivity_at_specificity(LABELS, SCORES, ONCE, least=1.0).tolist() == [pytest.approx(1 / 3)]


def test_specificity_at_a_sensitivity_by_hand():
    """To find all three, the positive at 0.3 must be a yes, and with it three of five negatives."""
    assert specificity_at_sensitivity(LABELS, SCORES, ONCE, least=1.0).tolist() == [pytest.approx(2 / 5)]
    assert specificity_at_sensitivity(LABELS, SCORES, ONCE, least=0.6).tolist() == [pytest.approx(4 / 5)]


@pytest.mark.parametrize("seed", range(3))
def test_the_best_share_is_that_of_the_roc_curve(seed):
    labels, scores, weights = cohort(seed)
    for row, found in zip(weights, sensitivity_at_specificity(labels, scores, weights, least=0.9), strict=True):
        wrong, right, _ = metrics.roc_curve(labels, scores, sample_weight=row, drop_intermediate=False)
        assert found == pytest.approx(right[wrong <= 0.1 + 1e-9].max())


def test_a_resample_of_one_class_is_undefined():
    weights = (LABELS[None] == 1).astype(np.int32)
    assert np.isnan(sensitivity_at_specificity(LABELS, SCORES, weights)).all()


def test_the_threshold_lies_between_the_scores_that_it_parts():
    assert choose_threshold(np.array([0.0, 0, 1, 1]), np.array([0.1, 0.2, 0.6, 0.9])) == pytest.approx(0.4)


def test_one_class_leaves_a_half():
    assert choose_threshold(np.zeros(3), np.array([0.1, 0.2, 0.3])) == 0.5


@pytest.mark.parametrize("least", [0.5, 0.8, 0.95, 0.999])
def test_the_threshold_reaches_what_is_asked_and_no_better_one_does(least):
    rng = np.random.default_rng(3)
    labels = (rng.random(60) < 0.4).astype(float)
    scores = np.round(rng.random(60) + 0.3 * labels, 2)

    def rates(threshold):
        return (scores[labels == 1] >= threshold).mean(), (scores[labels == 0] < threshold).mean()

    every = [rates(threshold) for threshold in [*np.unique(scores), 9.0]]
    reached = rates(threshold_reaching(labels, scores, least=least, of_positives=True))
    assert reached[0] >= least
    assert reached[1] == max(spared for found, spared in every if found >= least)
    reached = rates(threshold_reaching(labels, scores, least=least, of_positives=False))
    assert reached[1] >= least
    assert reached[0] == max(found for found, spared in every if spared >= least)


def test_a_specificity_that_the_highest_score_breaks_flags_nothing():
    labels, scores = np.array([1.0, 1.0, 0.0, 0.0]), np.array([0.2, 0.4, 0.3, 1.0])
    assert threshold_reaching(labels, scores, least=0.9, of_positives=False) > 1.0
