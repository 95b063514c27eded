"""DeLong's test on values that a person can write down, and on simulated pairs of equally good models."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from mmdx.stats.delong import auroc_covariance, delong_test

LABELS = np.array([1.0, 1.0, 0.0, 0.0])


def test_variance_of_two_and_two_by_hand():
    """Placements of the positives are 1 and 1/2, of the negatives 1/2 and 1: each scatters by 1/8, over two rows."""
    values, covariance = auroc_covariance(LABELS, np.array([[0.9, 0.4, 0.6, 0.1]]), np.arange(4))
    assert values.tolist() == [0.75]
    assert covariance.tolist() == [[pytest.approx(0.125 / 2 + 0.125 / 2)]]


def test_ties_count_half():
    values, _ = auroc_covariance(LABELS, np.array([[0.5, 0.5, 0.5, 0.5]]), np.arange(4))
    assert values.tolist() == [0.5]


def test_rows_given_twice_add_nothing():
    """A copy of every row of a patient is no new evidence: the error stays what it was, and z does not grow."""
    rng = np.random.default_rng(0)
    labels = (rng.random(40) < 0.5).astype(float)
    first, second = labels + rng.normal(size=40), 0.5 * labels + rng.normal(size=40)
    once = delong_test(labels, first, second, np.arange(40))
    twice = delong_test(*(np.repeat(x, 2) for x in (labels, first, second, np.arange(40))))
    assert (twice.difference, twice.error, twice.p) == pytest.approx((once.difference, once.error, once.p))


def test_the_auroc_is_that_of_scikit_learn():
    rng = np.random.default_rng(1)
    labels, scores = (rng.random(50) < 0.3).astype(float), np.round(rng.random((3, 50)), 1)
    values, _ = auroc_covariance(labels, scores, np.arange(50))
    assert values.tolist() == pytest.approx([roc_auc_score(labels, row) for row in scores])


def test_equal_scores_do_not_differ():
    scores = np.array([0.9, 0.4, 0.6, 0.1])
    found = delong_test(LABELS, scores, scores, np.arange(4))
    assert (found.difference, found.error, found.p) == (0.0, 0.0, 1.0)


def test_too_few_patients_are_refused_by_name():
    found = delong_test(LABELS, np.array([0.9, 0.4, 0.6, 0.1]), np.array([0.1, 0.4, 0.6, 0.9]), np.array([0, 0, 1, 2]))
    assert found.refused == "1 patient with the finding, and 2 are needed"
    assert np.isnan(found.p)


def test_alike_slices_of_a_patient_do_not_make_a_difference():
    """60 patients of 8 alike slices, two equally good models, 300 times: DeLong by slices rejects far too often."""
    rng = np.random.default_rng(2)
    patients = np.repeat(np.arange(60), 8)
    by_patient, by_slice = [], []
    for _ in range(300):
        labels = ((rng.random(60) < 0.4)[patients] & (rng.random(480) < 0.6)).astype(float)
        pair = [labels + 0.8 * rng.normal(size=60)[patients] + 0.5 * rng.normal(size=480) for _ in range(2)]
        by_patient.append(delong_test(labels, *pair, patients).p < 0.05)
        by_slice.append(delong_test(labels, *pair, np.arange(480)).p < 0.05)
    assert 0.02 < np.mean(by_patient) < 0.09
    assert np.mean(by_slice) > 0.25
