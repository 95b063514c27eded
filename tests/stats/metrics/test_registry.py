import numpy as np
import pytest
from sklearn import metrics as sk

from mmdx.stats.metrics.registry import METRICS, answers

REFERENCE = {
    "auroc": sk.roc_auc_score,
    "ap": sk.average_precision_score,
    "log_loss": lambda y, s, sample_weight: sk.log_loss(y, s, sample_weight=sample_weight, labels=[0, 1]),
    "brier": sk.brier_score_loss,
}
SCORES = {
    "continuous": lambda rng, n: rng.random(n),
    "tied": lambda rng, n: rng.integers(0, 4, n) / 4.0,
    "one value": lambda rng, n: np.full(n, 0.3),
    "saturated": lambda rng, n: rng.integers(0, 2, n).astype(float),
}


def one(name: str, labels: list[int], scores: list[float]) -> float:
    weights = np.ones((1, len(labels)), dtype=np.int32)
    return float(METRICS[name].function(np.array(labels, dtype=float), np.array(scores), weights)[0])


@pytest.mark.parametrize("name", REFERENCE)
@pytest.mark.parametrize("kind", SCORES)
def test_equals_scikit_learn_under_every_weight(name, kind):
    rng = np.random.default_rng(3)
    labels = (rng.random(60) < 0.3).astype(float)
    scores = SCORES[kind](rng, 60)
    weights = rng.poisson(1.0, size=(25, 60))
    weights[0] = 1
    found = METRICS[name].function(labels, scores, weights)
    expected = [REFERENCE[name](labels, scores, sample_weight=row) for row in weights]
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)


def test_values_by_hand():
    labels, scores = [1, 0, 1, 0], [0.9, 0.8, 0.7, 0.7]
    # Pairs: 0.9 beats both; 0.7 loses to 0.8 and ties with 0.7.
    assert one("auroc", labels, scores) == 2.5 / 4
    # At 0.9 the precision is 1; at 0.7 all four are taken, two rightly.
    assert one("ap", labels, scores) == pytest.approx((1 + 2 / 4) / 2)
    assert one("brier", labels, scores) == pytest.approx((0.01 + 0.64 + 0.09 + 0.49) / 4)
    assert one("log_loss", [1, 0], [0.5, 0.5]) == pytest.approx(np.log(2))


def test_a_sure_and_wrong_score_costs_a_finite_loss():
    assert one("log_loss", [1], [0.0]) == pytest.approx(36.04, abs=0.01)


@pytest.mark.parametrize("labels", [[1, 1, 1], [0, 0, 0]])
@pytest.mark.parametrize("name", ["auroc", "ap"])
def test_ranks_are_undefined_with_one_class(name, labels):
    assert np.isnan(one(name, labels, [0.1, 0.2, 0.3]))


@pytest.mark.parametrize("name", ["auroc", "ap"])
def test_only_the_resample_that_lacks_a_class_is_undefined(name):
    weights = np.array([[1, 1, 1], [0, 2, 1], [3, 0, 0]])
    found = METRICS[name].function(np.array([1.0, 0.0, 0.0]), np.array([0.9, 0.2, 0.3]), weights)
    np.testing.assert_array_equal(found, [1.0, np.nan, np.nan])


@pytest.mark.parametrize("name", METRICS)
def test_nothing_known_is_undefined(name):
    assert np.isnan(one(name, [], []))


def test_which_direction_is_better():
    better = {
        name: one(name, [0, 1, 0, 1], [0.0, 1.0, 0.0, 1.0]) - one(name, [0, 1, 0, 1], [1.0, 0.0, 1.0, 0.0])
        for name in METRICS
    }
    assert {name: metric.direction for name, metric in METRICS.items() if metric.direction in ("higher", "lower")} == {
        name: "higher" if gain > 0 else "lower" for name, gain in better.items() if not name.startswith("calibration")
    }
    assert (METRICS["calibration_slope"].direction, METRICS["calibration_intercept"].direction) == ("one", "zero")


def test_a_threshold_turns_scores_into_answers_and_scores_are_none():
    labels, scores, once = np.array([1.0, 0, 1, 0]), np.array([0.9, 0.8, 0.5, 0.1]), np.ones((2, 4), dtype=np.int32)
    said = answers(scores, np.array([0.5, 0.9, 0.5, np.nan]))
    np.testing.assert_array_equal(said, [1, 0, 1, np.nan])
    assert METRICS["sensitivity"].function(labels[:3], said[:3], once[:, :3]).tolist() == [1.0, 1.0]
    for given in (said, scores):
        assert np.isnan(METRICS["sensitivity"].function(labels, given, once)).all()


def test_the_titles_fit_a_table_of_80_columns():
    assert max(len(metric.title) for metric in METRICS.values()) <= 10
    assert len({metric.title for metric in METRICS.values()}) == len(METRICS)
