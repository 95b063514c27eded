import numpy as np
import pytest

from mmdx.stats import intervals
from mmdx.stats.intervals import draw_patients, interval, why_too_few


def all_weights(patients: np.ndarray, **options: int) -> np.ndarray:
    return np.concatenate([weights for _, weights in draw_patients(patients, **options)])


def test_a_patients_rows_weigh_the_same_and_each_resample_draws_as_many_patients():
    patients = np.array([0, 0, 1, 2, 2, 2, 3])
    weights = all_weights(patients, resamples=50, seed=1)
    assert weights.shape == (50, 7)
    np.testing.assert_array_equal(weights[:, 0], weights[:, 1])
    np.testing.assert_array_equal(weights[:, 3], weights[:, 5])
    np.testing.assert_array_equal(weights[:, [0, 2, 3, 6]].sum(axis=1), np.full(50, 4))
    assert weights.max() > 1


def test_the_seed_alone_sets_the_resamples_however_many_are_held_at_a_time(monkeypatch):
    patients = np.arange(9)
    whole = all_weights(patients, resamples=30, seed=4)
    monkeypatch.setattr(intervals, "CELLS_AT_ONCE", 9 * 7)
    np.testing.assert_array_equal(all_weights(patients, resamples=30, seed=4), whole)
    assert (all_weights(patients, resamples=30, seed=5) != whole).any()


def test_places_cover_all_resamples_once():
    places = [place for place, _ in draw_patients(np.arange(3), resamples=600, seed=0)]
    assert [i for place in places for i in range(place.start, place.stop)] == list(range(600))


def test_the_bounds_are_the_25th_value_from_either_end_of_999():
    values = np.random.default_rng(0).permutation(np.arange(1.0, 1000.0))
    found = interval(500.0, values)
    assert (found.low, found.high, found.usable, found.refused) == (25.0, 975.0, 999, None)


def test_undefined_resamples_are_dropped_and_counted():
    values = np.concatenate([np.full(400, np.nan), np.linspace(0, 1, 600)])
    found = interval(0.5, values)
    assert found.usable == 600
    assert found.low == pytest.approx(0.025, abs=0.005)


def test_an_interval_is_refused_with_its_reason():
    mostly = np.concatenate([np.full(60, np.nan), np.linspace(0, 1, 40)])
    assert interval(0.5, mostly).refused == "40 of 100 resamples define it, which is too few"
    assert interval(float("nan"), np.full(100, 0.5)).refused == "the value is undefined"
    assert interval(0.5, np.full(10, 0.5)).refused == "10 of 10 resamples define it, which is too few"
    given = interval(0.5, np.linspace(0, 1, 100), refused="too few")
    assert (given.value, given.low, given.high, given.refused) == (0.5, None, None, "too few")


def test_too_few_patients_of_either_class_are_named_slices_counting_once():
    patients = np.repeat(np.arange(10), 3)
    labels = (patients < 2).astype(float)
    assert why_too_few(labels, patients) == "2 patients with the finding, and 5 are needed"
    assert why_too_few(1 - labels, patients) == "2 patients without the finding, and 5 are needed"
    assert why_too_few(labels, patients, fewest=2) is None
    labels[labels == 0] = np.nan
    assert why_too_few(labels, patients, fewest=2) == "0 patients without the finding, and 2 are needed"
