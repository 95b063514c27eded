"""Recalibration with few patients."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from mmdx.stats.sections.transport.recalibration import recalibrated, sizes_for

RNG = np.random.default_rng(0)
ODDS = RNG.normal(scale=1.5, size=2000)
LABELS = (RNG.random(2000) < expit(ODDS)).astype(float)
PATIENTS = np.arange(2000)


def losses(scores: np.ndarray, size: int) -> dict[str, float]:
    return {one.way: one.mean for one in recalibrated(LABELS, scores, PATIENTS, size=size)}


def test_many_patients_undo_a_shift_and_a_scale():
    right = losses(expit(ODDS), 500)["as it is"]
    shifted, scaled = losses(expit(ODDS + 1), 500), losses(expit(3 * ODDS - 1), 500)
    assert shifted["as it is"] > right + 0.05
    assert shifted["shifted"] == pytest.approx(right, abs=0.005)
    assert scaled["shifted and scaled"] == pytest.approx(right, abs=0.005)
    assert scaled["shifted"] > right + 0.1


def test_few_patients_do_harm_to_what_is_right():
    right, few = losses(expit(ODDS), 10), losses(expit(ODDS), 500)
    assert right["shifted and scaled"] > right["as it is"] + 0.05
    assert few["shifted and scaled"] == pytest.approx(few["as it is"], abs=0.003)


def test_draws_of_one_class_leave_the_scores_as_they_are():
    labels = np.zeros(40)
    labels[0] = 1
    found = recalibrated(labels, np.full(40, 0.2), np.arange(40), size=10)
    assert {one.way for one in found if one.mean > found[0].mean + 0.5} == set()
    assert all(one.low <= one.mean <= one.high for one in found)


def test_at_least_half_are_left_to_judge_by():
    assert sizes_for(19) == []
    assert sizes_for(120) == [10, 25, 50]
