import numpy as np
import pytest
from scipy.stats import binomtest

from mmdx.stats.comparison.sums import clustered_share, group_weights, row_a_patient, sum_by_patient, wilson

PATIENTS = np.array([0, 0, 1, 2, 2, 2])


def test_rows_are_added_up_by_patient():
    found = sum_by_patient(np.arange(12.0).reshape(6, 2), PATIENTS, 4)
    assert found.tolist() == [[2, 4], [4, 5], [24, 27], [0, 0]]


def test_groups_weigh_what_their_patients_do():
    weights = np.array([[1, 0, 2], [0, 3, 0]], dtype=np.int32)
    found = group_weights(np.array([0, 1, 1, 1, 0, 0]), PATIENTS, weights, 3)
    assert found.tolist() == [[5, 3, 0], [0, 3, 0]]


@pytest.mark.parametrize(("top", "bottom"), [(0, 10), (3, 10), (10, 10), (1, 1), (480, 1000)])
def test_wilson_is_that_of_scipy(top, bottom):
    expected = binomtest(top, bottom).proportion_ci(0.95, "wilson")
    found = wilson(top, bottom)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert found.value == top / bottom


def test_a_share_of_nothing_is_undefined():
    assert np.isnan(wilson(0, 0).value)
    found = clustered_share(0, 0, np.zeros(100), np.zeros(100), patients=0)
    assert np.isnan(found.value)
    assert found.low is None


def test_a_clustered_share_is_refused_where_resampling_cannot_tell():
    tops, bottoms = np.arange(100.0), np.full(100, 100.0)
    kept = clustered_share(5, 10, tops, bottoms, patients=5)
    assert (kept.low, kept.high) == (0.01, 0.98)
    assert "4 patients" in str(clustered_share(5, 10, tops, bottoms, patients=4).refused)
    assert "one kind" in str(clustered_share(10, 10, bottoms, bottoms, patients=9).refused)


def test_rows_of_one_patient_are_seen():
    assert row_a_patient(np.array([2, 0, 1]))
    assert not row_a_patient(PATIENTS)
