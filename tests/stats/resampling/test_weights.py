import numpy as np
import pytest

from mmdx.stats.resampling.weights import share, weighted_mean


@pytest.mark.filterwarnings("error")
def test_a_share_of_nothing_is_undefined():
    assert share(np.array([1, 0]), np.array([4, 0])).tolist() == pytest.approx([0.25, np.nan], nan_ok=True)


@pytest.mark.filterwarnings("error")
def test_a_mean_counts_each_row_as_often_as_it_was_drawn():
    means = weighted_mean(np.array([1.0, 2.0, 6.0]), np.array([[1, 1, 1], [2, 0, 1], [0, 0, 0]]))
    assert means.tolist() == pytest.approx([3, 8 / 3, np.nan], nan_ok=True)
