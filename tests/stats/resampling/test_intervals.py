import numpy as np
import pytest
from scipy.stats import bootstrap

from mmdx.stats.resampling import intervals
from mmdx.stats.resampling.intervals import Estimate, bca_interval, draw_patients, interval, rare_strata, why_too_few


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


def test_a_stratum_is_as_large_in_every_resample():
    patients = np.array([0, 0, 1, 2, 3, 4, 5, 5])
    strata = np.array([7, 7, 7, 2, 2, 2, 2, 2])
    weights = all_weights(patients, resamples=40, seed=0, strata=strata)
    # Patients 0 and 1, by one row of each; then patients 2 to 5.
    np.testing.assert_array_equal(weights[:, [1, 2]].sum(axis=1), np.full(40, 2))
    np.testing.assert_array_equal(weights[:, [3, 4, 5, 6]].sum(axis=1), np.full(40, 4))
    np.testing.assert_array_equal(weights[:, 6], weights[:, 7])
    assert all(weights[:, row].std() > 0 for row in range(8))


def test_strata_do_not_depend_on_how_many_are_drawn_at_a_time_and_one_stratum_is_none(monkeypatch):
    patients = np.arange(9)
    strata = patients // 4
    whole = all_weights(patients, resamples=30, seed=4, strata=strata)
    plain = all_weights(patients, resamples=30, seed=4)
    np.testing.assert_array_equal(all_weights(patients, resamples=30, seed=4, strata=np.full(9, 3)), plain)
    monkeypatch.setattr(intervals, "CELLS_AT_ONCE", 9 * 7)
    np.testing.assert_array_equal(all_weights(patients, resamples=30, seed=4, strata=strata), whole)


def test_patients_of_a_rare_class_are_a_stratum_the_rarest_first():
    """Of 100 patients 3 have the first finding, 6 the second, one of them both; 60 have the third."""
    patients = np.arange(100)
    labels = np.zeros((100, 3))
    labels[:3, 0] = labels[2:8, 1] = labels[:60, 2] = 1
    expected = np.array([1] * 3 + [2] * 5 + [0] * 92)
    np.testing.assert_array_equal(rare_strata(labels, patients, below=20), expected)
    rows = np.append(patients, 1)
    np.testing.assert_array_equal(rare_strata(labels[rows], rows, below=20), expected[rows])
    np.testing.assert_array_equal(rare_strata(labels, patients), np.array([1] * 3 + [0] * 97))


def test_no_stratum_has_a_single_patient():
    patients = np.arange(50)
    labels = np.zeros((50, 1))
    labels[0] = 1
    np.testing.assert_array_equal(rare_strata(labels, patients), np.zeros(50))
    few = np.array([[1.0], [1.0], [np.nan]])
    np.testing.assert_array_equal(rare_strata(few, np.arange(3)), [1, 1, 1])


def test_unknown_labels_make_no_class_rare():
    labels = np.full((50, 1), np.nan)
    labels[:40] = np.arange(40)[:, None] % 2
    np.testing.assert_array_equal(rare_strata(labels, np.arange(50)), np.zeros(50))


@pytest.mark.parametrize("seed", range(3))
def test_bca_is_that_of_scipy(seed):
    """On values of a skewed sample, one value per patient: the same resamples, up to the rounding of ranks."""
    sample = np.random.default_rng(seed).lognormal(size=40)
    left = np.array([np.delete(sample, i).mean() for i in range(40)])
    drawn = bootstrap((sample,), np.mean, n_resamples=4000, rng=seed, method="percentile")
    expected = bootstrap((sample,), np.mean, n_resamples=0, bootstrap_result=drawn, method="BCa").confidence_interval
    values = np.sort(drawn.bootstrap_distribution)
    found = bca_interval(float(sample.mean()), drawn.bootstrap_distribution, left)
    for ours, theirs in ((found.low, expected.low), (found.high, expected.high)):
        assert ours is not None
        assert abs(np.searchsorted(values, ours) - np.searchsorted(values, theirs)) <= 2
    assert found.low != interval(float(sample.mean()), drawn.bootstrap_distribution).low


def test_without_bias_or_skew_bca_is_the_percentile_interval():
    values = np.random.default_rng(0).permutation(np.arange(1.0, 1000.0))
    found = bca_interval(500.0, values, np.array([499.0, 501.0] * 20))
    assert (found.low, found.high, found.usable) == (25.0, 975.0, 999)


@pytest.mark.filterwarnings("error")
def test_bca_is_refused_where_bias_or_acceleration_are_undefined():
    values, left = np.linspace(0, 1, 100), np.linspace(0.4, 0.6, 30)
    assert bca_interval(2.0, values, left).refused == (
        "all resamples lie on one side of it, so that its bias has no measure"
    )
    assert bca_interval(0.5, values, np.full(30, 0.5)).refused == (
        "no patient left out changes it, so that its acceleration is undefined"
    )
    assert bca_interval(0.5, values, np.append(left, np.nan)).refused == (
        "1 of 31 jackknife values are undefined, so that its acceleration is"
    )
    assert bca_interval(0.5, values, left, refused="too few").refused == "too few"
    assert bca_interval(float("nan"), values, left).refused == "the value is undefined"
    # One patient alone moves it, and it lies 4.3 standard errors from the middle of the resamples.
    alone = bca_interval(1.5, np.arange(200_000.0), np.append(np.full(5000, 0.5), 9.0))
    assert alone.refused == "its acceleration, -0.17, is more than an interval can be corrected for"


def test_an_estimate_is_plain_values_for_json_with_null_for_an_undefined_value():
    assert Estimate(0.8, 0.7, 0.9, 2000).to_json() == {
        "value": 0.8,
        "low": 0.7,
        "high": 0.9,
        "usable": 2000,
        "refused": None,
    }
    assert Estimate(np.nan, None, None, 0, "the value is undefined").to_json()["value"] is None
