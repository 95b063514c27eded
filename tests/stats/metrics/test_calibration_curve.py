"""The calibration curve against scikit-learn, and a step to that of a resample."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from mmdx.stats.metrics.calibration import calibration_intercept, curves, expand, log_odds


def cohort(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    odds = 1.5 * rng.normal(size=count) - 1
    return (rng.random(count) < expit(odds)).astype(float), expit(3 * odds + 0.5)


@pytest.mark.parametrize("stretch", [0.2, 1.0, 8.0])
def test_the_curve_is_a_logistic_regression_however_far_the_slope_is_from_one(stretch):
    labels, scores = cohort(400)
    scores = expit(stretch * log_odds(scores))
    weights = np.random.default_rng(1).poisson(1, (4, 400))
    for row, (level, slope) in zip(weights, curves(labels, scores, weights), strict=True):
        model = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000)
        model.fit(log_odds(scores)[:, None], labels, sample_weight=row)
        assert (level, slope) == pytest.approx((model.intercept_[0], model.coef_[0, 0]), abs=1e-4)


def test_a_step_is_nearer_than_one_of_newton():
    labels, scores = cohort(400)
    weights = np.random.default_rng(1).poisson(1, (200, 400))
    found, whole = expand(labels, scores), curves(labels, scores, weights)[:, 1]
    sums = weights @ found.columns
    step = np.abs(found.slopes(sums) - whole)
    sums[:, 5:9] = 0
    assert step.mean() < 0.3 * np.abs(found.slopes(sums) - whole).mean()
    sums = weights @ found.columns
    assert found.intercepts(sums) == pytest.approx(calibration_intercept(labels, scores, weights), abs=0.02)


def test_all_rows_once_are_the_fit_itself():
    labels, scores = cohort(400)
    found = expand(labels, scores)
    sums = found.columns.sum(axis=0, keepdims=True)
    assert found.slopes(sums) == pytest.approx([curves(labels, scores, np.ones((1, 400), dtype=int))[0, 1]], abs=1e-9)
    assert found.intercepts(sums) == pytest.approx(
        calibration_intercept(labels, scores, np.ones((1, 400), dtype=int)), abs=1e-9
    )


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("labels", "scores"),
    [([0, 1, 0, 1], [0.3] * 4), ([0, 0, 1, 1], [0.0, 0, 1, 1]), ([0, 0, 0, 0], [0.1, 0.2, 0.3, 0.4]), ([], [])],
)
def test_one_score_one_class_and_no_overlap_have_no_slope(labels, scores):
    labels, scores = np.array(labels, dtype=float), np.array(scores, dtype=float)
    once = np.ones((1, len(labels)), dtype=int)
    assert np.isnan(curves(labels, scores, once)).all()
    found = expand(labels, scores)
    assert np.isnan(found.slopes(found.columns.sum(axis=0, keepdims=True))).all()


@pytest.mark.parametrize(("middle", "spread"), [(4.0, 0.4), (-8.0, 0.7), (0.0, 4.0)])
def test_scores_far_from_a_half_have_a_slope_too(middle, spread):
    rng = np.random.default_rng(0)
    told = rng.normal(size=62)
    labels = (rng.random(62) < expit(1 + 1.5 * told)).astype(float)
    scores = expit(middle + spread * told)
    ((level, slope),) = curves(labels, scores, np.ones((1, 62), dtype=int))
    plain = LogisticRegression(C=np.inf, tol=1e-12, max_iter=1000).fit(told[:, None], labels)
    assert slope == pytest.approx(plain.coef_[0, 0] / spread, rel=1e-6)
    assert level == pytest.approx(plain.intercept_[0] - slope * middle, rel=1e-6)
    assert not np.isnan(curves(labels, scores, rng.multinomial(62, np.ones(62) / 62, size=50))).any()
