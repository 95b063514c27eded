"""The interval of a mean of several trainings over other trainings and other patients."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t

from mmdx.stats.resampling.intervals import Estimate
from mmdx.stats.resampling.trainings import over_both


def test_by_hand():
    """Trainings .70, .80, .90: a variance of .01, of the mean .01 / 3; sides of 1.96 times .05 and .03 have
    a variance of .0025, .0009, and together .0016."""
    over_patients = Estimate(0.8, 0.8 - 1.959964 * 0.05, 0.8 + 1.959964 * 0.03, 2000)
    both = over_both(np.array([0.7, 0.8, 0.9]), over_patients)
    freedom = (0.0016 + 0.01 / 3) ** 2 / ((0.01 / 3) ** 2 / 2)
    assert both.low is not None
    assert both.high is not None
    assert both.low == pytest.approx(0.8 - t.ppf(0.975, freedom) * np.sqrt(0.0025 + 0.01 / 3))
    assert both.high == pytest.approx(0.8 + t.ppf(0.975, freedom) * np.sqrt(0.0009 + 0.01 / 3))
    assert over_both(np.array([0.7, 0.8, 0.9]), over_patients, most=0.9).high == 0.9


def test_patients_alone_where_trainings_agree_and_trainings_alone_where_patients_are_many():
    over_patients = Estimate(0.8, 0.75, 0.84, 2000)
    alike = over_both(np.full(3, 0.8), over_patients)
    assert (alike.low, alike.high) == pytest.approx((0.75, 0.84))
    sure = over_both(np.array([0.79, 0.8, 0.81]), Estimate(0.8, 0.8, 0.8, 2000))
    assert sure.high == pytest.approx(0.8 + 4.302653 * 0.01 / np.sqrt(3)), "the t interval of three values"


def test_what_has_no_interval():
    refused = Estimate(0.8, None, None, 3, "too few")
    assert over_both(np.array([0.7, 0.9]), refused) == refused
    single = over_both(np.array([0.8]), Estimate(0.8, 0.7, 0.9, 2000))
    assert (single.low, single.refused) == (None, "a single training does not say how another would differ")
