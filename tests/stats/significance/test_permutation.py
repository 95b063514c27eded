"""Swapping two models by patient."""

from __future__ import annotations

import numpy as np
import pytest

from mmdx.stats.metrics.registry import METRICS
from mmdx.stats.significance.permutation import permutation_p

AUROC = METRICS["auroc"]


def test_equal_models_have_p_of_one():
    labels, scores = np.array([1.0, 1, 0, 0]), np.array([0.9, 0.4, 0.6, 0.1])
    assert permutation_p(AUROC, labels, (scores, scores), np.arange(4), swaps=100) == 1.0


def test_a_model_of_another_scale_is_no_other_model():
    rng = np.random.default_rng(0)
    labels, scores = (rng.random(40) < 0.5).astype(float), rng.random(40)
    assert permutation_p(AUROC, labels, (scores, scores / 100), np.arange(40), swaps=100) == 1.0


def test_a_planted_difference_is_found():
    rng = np.random.default_rng(1)
    labels = (rng.random(120) < 0.5).astype(float)
    good, poor = labels + 0.5 * rng.normal(size=120), rng.normal(size=120)
    assert permutation_p(AUROC, labels, (good, poor), np.arange(120), swaps=999) == pytest.approx(1 / 1000)


def test_one_class_is_undefined():
    assert np.isnan(permutation_p(AUROC, np.ones(4), (np.arange(4.0), np.ones(4)), np.arange(4), swaps=100))


def test_patients_swap_whole():
    """Two patients give four swaps, of two differences: no p can fall below a half, whatever the number of rows."""
    labels = np.tile([1.0, 0.0], 20)
    patients = np.repeat([0, 1], 20)
    p = permutation_p(AUROC, labels, (labels + 0.1, 1 - labels), patients, swaps=1000)
    assert 0.4 < p < 0.6


def test_alike_slices_do_not_make_a_difference():
    rng = np.random.default_rng(2)
    patients = np.repeat(np.arange(40), 6)
    p_values = []
    for seed in range(60):
        labels = ((rng.random(40) < 0.5)[patients] & (rng.random(240) < 0.6)).astype(float)
        pair = [labels + 0.8 * rng.normal(size=40)[patients] + 0.5 * rng.normal(size=240) for _ in range(2)]
        p_values.append(permutation_p(AUROC, labels, (pair[0], pair[1]), patients, swaps=200, seed=seed))
    assert np.mean(np.array(p_values) < 0.05) < 0.15


def test_a_model_that_is_shifted_from_fold_to_fold_is_no_other_model():
    rng = np.random.default_rng(5)
    labels, folds = (rng.random(60) < 0.5).astype(float), np.arange(60) % 3
    scores = labels + rng.normal(size=60)
    assert permutation_p(AUROC, labels, (scores, scores + 9 * folds), np.arange(60), folds, swaps=100) == 1.0
    assert permutation_p(AUROC, labels, (scores, scores + 9 * folds), np.arange(60), swaps=100) < 1.0


def test_shares_within_folds_are_those_of_swapped_scores():
    """Four rows of two folds: the only swaps that change anything are those of the second fold."""
    labels, folds = np.array([1.0, 0.0, 1.0, 0.0]), np.array([0, 0, 1, 1])
    first, second = np.array([0.9, 0.1, 0.8, 0.2]), np.array([0.9, 0.1, 0.2, 0.8])
    p = permutation_p(AUROC, labels, (first, second), np.arange(4), folds, swaps=2000)
    assert p == pytest.approx(0.5, abs=0.05)
