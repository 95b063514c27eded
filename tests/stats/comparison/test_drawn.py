import numpy as np
import pytest

from mmdx.stats.comparison.drawn import Drawn, Sampled

SAMPLED = Sampled(np.array([[0.5, 0.7], [0.6, 0.9]]), np.array([[[0.4, 0.6], [0.8, np.nan]], [[0.2, 0.6], [0.6, 0.8]]]))


def test_a_macro_mean_is_over_trainings_and_findings_and_undefined_where_one_is():
    drawn = SAMPLED.macro([0, 1])
    assert drawn.value == pytest.approx(0.675)
    assert drawn.resampled == pytest.approx([0.5, np.nan], nan_ok=True)
    assert SAMPLED.training(1).macro([1]).value == 0.9
    assert SAMPLED.trainings(slice(0, 1)).macro([0]).resampled == pytest.approx([0.4, 0.6])


def test_differences_are_paired_resample_by_resample():
    noise = np.linspace(-0.2, 0.2, 199)
    better, worse = Drawn(0.8, 0.8 + noise), Drawn(0.7, 0.7 + noise)
    difference = better.minus(worse).estimate
    assert (difference.value, difference.low, difference.high) == pytest.approx((0.1, 0.1, 0.1))
    assert worse.at_most_worse(better, margin=0.2).shown
    assert not worse.at_most_worse(better, margin=0.05).shown


def test_a_reason_against_an_interval_is_kept_in_differences():
    values = np.linspace(0, 1, 199)
    difference = Drawn(0.5, values).minus(Drawn(0.4, values, "too few patients"))
    assert (difference.p, difference.estimate.refused) == (None, "too few patients")
