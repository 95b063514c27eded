"""Calibration on scores that are right, too sure, or of one class."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from mmdx.stats.metrics.calibration import (
    apply_temperature,
    calibration_error,
    calibration_intercept,
    calibration_slope,
    fit_temperature,
)

ONCE = np.ones((1, 4), dtype=np.int32)


def cohort(seed: int = 0, count: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Log-odds, and labels that follow them."""
    rng = np.random.default_rng(seed)
    odds = 1.5 * rng.normal(size=count) - 0.5
    return odds, (rng.random(count) < expit(odds)).astype(float)


def test_the_error_of_four_scores_by_hand():
    """Two bins: 0.25 on average against 0 positives of two, 0.95 against two of two."""
    labels, scores = np.array([0.0, 0.0, 1.0, 1.0]), np.array([0.21, 0.29, 0.95, 0.95])
    assert calibration_error(labels, scores, ONCE) == pytest.approx([0.5 * 0.25 + 0.5 * 0.05])
    assert calibration_error(labels, scores, 3 * ONCE) == pytest.approx([0.15])


def test_scores_of_one_and_zero_have_a_bin():
    assert calibration_error(np.array([0.0, 0, 1, 1]), np.array([0.0, 0, 1, 1]), ONCE) == pytest.approx([0.0])


def test_slope_and_intercept_are_those_of_a_logistic_regression():
    odds, labels = cohort()
    weights = np.random.default_rng(1).integers(0, 3, (2, len(labels))).astype(np.int32)
    for row, slope in enumerate(calibration_slope(labels, expit(2 * odds), weights)):
        model = LogisticRegression(C=np.inf, tol=1e-10).fit(2 * odds[:, None], labels, sample_weight=weights[row])
        assert slope == pytest.approx(model.coef_[0, 0], abs=1e-4)
        assert slope == pytest.approx(0.5, abs=0.1)


def test_scores_that_are_too_low_have_an_intercept_above_zero():
    odds, labels = cohort()
    once = np.ones((1, len(labels)), dtype=np.int32)
    assert calibration_intercept(labels, expit(odds - 1), once) == pytest.approx([1.0], abs=0.1)


def test_one_class_and_classes_that_do_not_overlap_are_undefined():
    scores = np.array([0.1, 0.2, 0.8, 0.9])
    assert np.isnan(calibration_slope(np.array([0.0, 0, 1, 1]), scores, ONCE)).all()
    assert np.isnan(calibration_slope(np.zeros(4), scores, ONCE)).all()
    assert np.isnan(calibration_intercept(np.zeros(4), scores, ONCE)).all()


def test_the_temperature_of_scores_twice_too_sure_is_two():
    odds, labels = cohort()
    assert fit_temperature(labels, expit(2 * odds)) == pytest.approx(2.0, abs=0.15)
    assert fit_temperature(np.ones(5), np.full(5, 0.7)) == 1.0


def test_a_temperature_undoes_itself_and_keeps_ranks():
    scores = np.array([0.05, 0.5, 0.7, 0.99])
    cooled = apply_temperature(scores, 2.0)
    assert (np.argsort(cooled) == np.argsort(scores)).all()
    assert apply_temperature(cooled, 0.5) == pytest.approx(scores)
