"""How often resamples put two models in the other order."""

from __future__ import annotations

import numpy as np
import pytest
from arms_by_hand import cohort_of, halves, noisy
from scipy.stats import beta

from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.sections.decisions.ranking import orders

LABELS = halves(120, findings=1)


def order_of(first: np.ndarray, second: np.ndarray):
    cohort = cohort_of(LABELS, {"a": first, "b": second})
    return orders(cohort, Resampler.of(cohort, resamples=500, seed=0))[0]


def test_the_share_is_that_of_the_resampled_differences_whichever_leads():
    good, bad = noisy(LABELS, 3.0), noisy(LABELS, 3.6, seed=1)
    one, other = order_of(good, bad), order_of(bad, good)
    assert (one.first, other.first) == (0, 1)
    assert one.reversed == other.reversed
    count = one.reversed.value * 500
    assert 0 < count < 250
    assert (one.reversed.low, one.reversed.high) == pytest.approx(
        beta.ppf([0.025, 0.975], count + 0.5, 500 - count + 0.5)
    )


def test_an_order_that_no_resample_reverses():
    order = order_of(LABELS, noisy(LABELS, 9.0))
    assert (order.reversed.value, order.reversed.low) == (0.0, 0.0)
    assert order.reversed.high == pytest.approx(beta.ppf(0.975, 0.5, 500.5))


def test_equal_models_have_no_order():
    order = order_of(noisy(LABELS, 2.0), noisy(LABELS, 2.0))
    assert order.first is None
    assert order.reversed.refused == "the two are equal"


def test_one_model_has_no_order():
    cohort = cohort_of(LABELS, {"a": noisy(LABELS, 1.0)})
    assert orders(cohort, Resampler.of(cohort, resamples=100, seed=0)) == []
