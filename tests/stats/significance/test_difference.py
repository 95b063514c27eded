import numpy as np
import pytest

from mmdx.stats.significance.difference import holm, paired_difference


def test_equal_models_do_not_differ():
    values = np.random.default_rng(0).random(200)
    found = paired_difference(0.5, 0.5, values, values)
    assert (found.estimate.value, found.estimate.low, found.estimate.high, found.p) == (0.0, 0.0, 0.0, 1.0)
    assert not found.shown


def test_a_tie_in_all_but_the_last_digit_is_a_tie():
    values = np.full(200, 0.3)
    assert paired_difference(0.3, 0.3, values, np.full(200, 0.1 + 0.2)).p == 1.0


def test_first_minus_second_and_the_smallest_p():
    second = np.random.default_rng(0).random(199) / 2
    found = paired_difference(0.8, 0.5, second + 0.3, second)
    assert found.estimate.value == pytest.approx(0.3)
    assert found.p == pytest.approx(2 / 200)
    assert found.shown
    assert not paired_difference(0.5, 0.5, second, second).shown
    assert paired_difference(0.5, 0.8, second, second + 0.3).shown


def test_p_counts_the_smaller_side():
    first = np.concatenate([np.full(10, -0.1), np.full(89, 0.1)])
    assert paired_difference(0.1, 0.0, first, np.zeros(99)).p == pytest.approx(2 * 11 / 100)


@pytest.mark.parametrize("below", range(20, 30))
def test_the_interval_leaves_out_zero_exactly_where_p_is_at_most_five_percent(below):
    first = np.concatenate([np.full(below, -0.1), np.full(999 - below, 0.1)])
    found = paired_difference(0.1, 0.0, first, np.zeros(999))
    assert found.p is not None
    assert found.shown == (found.p <= 0.05)


def test_resamples_without_a_value_are_dropped_and_a_refused_interval_has_no_p():
    first = np.concatenate([np.full(100, 0.9), np.full(20, np.nan)])
    assert paired_difference(0.9, 0.5, first, np.full(120, 0.5)).estimate.usable == 100
    refused = paired_difference(0.9, 0.5, first, np.full(120, 0.5), refused="too few")
    assert refused.p is None
    assert not refused.shown


def test_holm_by_hand():
    """The smallest of three times three, the next times two; the last may not fall below the one before it."""
    assert holm([0.03, 0.01, 0.04]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([0.5, float("nan"), 0.9])[0] == pytest.approx(1.0)
    assert np.isnan(holm([0.5, float("nan")])[1])
