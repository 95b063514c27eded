"""Weights of several models in one answer."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from mmdx.stats.metrics.stacking import fit_shift, fit_weights, log_odds


def test_of_many_patients_a_model_that_tells_counts_fully_and_one_that_guesses_nothing():
    rng = np.random.default_rng(0)
    odds = rng.normal(0, 2, (4000, 1))
    labels = (rng.random((4000, 1)) < expit(odds)).astype(float)
    weight, shift = fit_weights(np.stack([rng.normal(0, 2, (4000, 1)), odds]), labels, np.ones(4000))
    assert weight[:, 0] == pytest.approx([0.0, 1.0], abs=0.05)
    assert shift == pytest.approx([0.0], abs=0.1)


def test_no_weight_falls_below_0():
    rng = np.random.default_rng(0)
    odds = rng.normal(0, 2, (500, 1))
    labels = (rng.random((500, 1)) < expit(odds)).astype(float)
    weight, _ = fit_weights(np.stack([odds, -odds]), labels, np.ones(500))
    assert weight[1, 0] == 0


def test_equal_models_share_the_weight_and_few_patients_leave_it_near_the_mean():
    labels = np.array([[0.0], [1.0]] * 5)
    logits = np.stack([np.zeros((10, 1))] * 4)
    weight, shift = fit_weights(logits, labels, np.ones(10))
    assert weight[:, 0] == pytest.approx([0.25] * 4)
    assert shift[0] == pytest.approx(0)


@pytest.mark.parametrize("labels", [[0, 0, 0, 0, 0, 0, 1, 1, 1, 1], [np.nan] * 10, [1] * 10])
def test_with_fewer_than_five_patients_of_a_class_the_first_model_is_believed_as_it_is(labels):
    logits = np.random.default_rng(0).normal(size=(3, 10, 1))
    weight, shift = fit_weights(logits, np.array(labels, float)[:, None], np.ones(10))
    assert weight[:, 0].tolist() == [1.0, 0.0, 0.0]
    assert shift.tolist() == [0.0]


def test_many_studies_of_one_patient_count_as_one():
    labels = np.array([[0.0]] * 40 + [[1.0]] * 5)
    counts = np.array([0.1] * 40 + [1.0] * 5)  # 4 patients are negative
    weight, _ = fit_weights(np.ones((2, 45, 1)), labels, counts)
    assert weight[:, 0].tolist() == [1.0, 0.0]


def test_classes_that_exclude_each_other_have_one_weight_per_model():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 900)
    labels = np.eye(3)[truth]
    telling, guessing = 2 * labels + rng.normal(size=(900, 3)), rng.normal(size=(900, 3))
    weight, shift = fit_weights(np.stack([telling, guessing]), labels, np.ones(900), [(0, 1, 2)])
    assert len(set(weight[0].tolist())) == len(set(weight[1].tolist())) == 1
    assert weight[0, 0] > 1.5
    assert weight[1, 0] < 0.2
    assert shift.tolist() == [0.0, 0.0, 0.0]


def test_a_shift_moves_towards_what_rows_show_and_stays_0_where_nothing_is_known():
    labels = np.array([[1.0, np.nan]] * 50)
    shift = fit_shift(np.zeros((50, 2)), labels, np.ones(50), np.zeros(2))
    assert 1.5 < shift[0] < 5
    assert shift[1] == 0


def test_few_rows_are_moved_to_the_rate_of_all_such_studies():
    """Two rows whose logits say 1: their mean is to be -2, as in all studies like them."""
    logits, labels = np.ones((2, 1)), np.array([[0.0], [0.0]])
    shift = fit_shift(logits, labels, np.ones(2), np.array([-2.0]))
    assert -3.5 < shift[0] < -3
    assert fit_shift(logits, labels, np.ones(2), np.array([1.0]))[0] > -1.5


def test_log_odds_of_a_part_are_drawn_to_those_of_the_whole():
    """30 of 40 patients are positive, all 10 of a part: (10 + 2 * 31 / 42) of 12."""
    labels = np.array([1.0] * 30 + [0.0] * 10)[:, None]
    rows = np.arange(40) < 10
    share = (10 + 2 * 31 / 42) / 12
    assert log_odds(labels, np.ones(40), rows)[0] == pytest.approx(np.log(share / (1 - share)))
    unknown = labels.copy()
    unknown[rows] = np.nan
    assert np.isfinite(log_odds(unknown, np.ones(40), rows)).all()
