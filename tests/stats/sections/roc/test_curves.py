import numpy as np
import pytest
from sklearn.metrics import precision_recall_curve, roc_curve

from mmdx.stats.metrics.folds import measure, ranks_within
from mmdx.stats.metrics.registry import METRICS
from mmdx.stats.sections.roc.curves import GRID, band, roc_and_pr

ONCE = np.ones((1, 4), dtype=np.int32)


def test_a_curve_by_hand():
    # From the highest score: yes, no, yes, no. Sensitivity 0.5 at no false yes, 1 at every second one.
    labels, scores = np.array([1.0, 0.0, 1.0, 0.0]), np.array([0.9, 0.8, 0.7, 0.1])
    roc, pr = roc_and_pr(labels, scores, np.arange(4), ONCE)
    assert roc[0, [0, 25, 50, 100]].tolist() == [0.5, 0.5, 1.0, 1.0]
    assert pr[0, [0, 50, 51, 100]] == pytest.approx([1, 1, 2 / 3, 2 / 3])


def test_it_is_the_curve_of_scikit_learn():
    rng = np.random.default_rng(0)
    labels = (rng.random(300) < 0.3).astype(float)
    scores = np.round(rng.random(300) * 0.7 + 0.3 * labels, 2)
    roc, pr = roc_and_pr(labels, scores, np.arange(300), np.ones((1, 300), dtype=np.int32))
    false, true, _ = roc_curve(labels, scores, drop_intermediate=False)
    assert roc[0] == pytest.approx(np.interp(GRID, false, true))
    precision, recall, _ = precision_recall_curve(labels, scores)
    expected = [precision[np.flatnonzero(recall >= g - 1e-9)[-1]] for g in GRID[1:]]
    assert pr[0, 1:] == pytest.approx(expected)


def test_weights_count_patients_and_rows_follow_them():
    rng = np.random.default_rng(1)
    labels, scores = (np.arange(20) % 2).astype(float), rng.random(20)
    patients = np.arange(20) // 4
    weights = np.array([[2, 0, 1, 0, 1]], dtype=np.int32)
    rows = np.repeat(np.arange(20), weights[0, patients])
    whole = np.ones((1, len(rows)), dtype=np.int32)
    for ours, theirs in zip(
        roc_and_pr(labels, scores, patients, weights),
        roc_and_pr(labels[rows], scores[rows], np.arange(len(rows)), whole),
        strict=True,
    ):
        assert ours == pytest.approx(theirs)


def test_many_scores_are_thinned_without_moving_the_curve():
    rng = np.random.default_rng(2)
    labels = (rng.random(20_000) < 0.1).astype(float)
    scores = rng.normal(size=20_000) + labels
    weights = np.ones((1, 20_000), dtype=np.int32)
    roc = roc_and_pr(labels, scores, np.arange(20_000), weights)[0]
    false, true, _ = roc_curve(labels, scores, drop_intermediate=False)
    assert np.abs(roc[0] - np.interp(GRID, false, true)).max() < 0.01


def test_a_resample_with_one_class_has_no_curve():
    labels, scores = np.array([1.0, 0.0, 0.0, 0.0]), np.array([0.9, 0.8, 0.7, 0.1])
    roc, pr = roc_and_pr(labels, scores, np.arange(4), np.array([[0, 1, 1, 2], [1, 1, 1, 1]], dtype=np.int32))
    assert np.isnan(roc[0]).all()
    assert np.isnan(pr[0]).all()
    assert not np.isnan(roc[1]).any()


def test_constant_scores_are_chance():
    labels = np.array([1.0, 0.0, 0.0, 0.0])
    roc, pr = roc_and_pr(labels, np.full(4, 0.5), np.arange(4), ONCE)
    assert roc[0] == pytest.approx(GRID)
    assert pr[0] == pytest.approx(0.25)


def test_a_band_leaves_out_curves_that_are_not_there():
    curve = np.tile(np.arange(101.0)[:, None], (1, 3))
    low, high = band(np.vstack([curve, np.full((5, 3), np.nan)]))
    assert low == pytest.approx([2.5] * 3)
    assert high == pytest.approx([97.5] * 3)
    assert np.isnan(band(np.full((4, 3), np.nan))[0]).all()


def test_over_folds_the_area_is_the_auroc_of_pairs_within_folds():
    rng = np.random.default_rng(3)
    labels, folds = (rng.random(90) < 0.4).astype(float), np.arange(90) % 3
    scores = labels + rng.normal(size=90) + 5 * folds
    once = np.ones((1, 90), dtype=np.int64)
    roc, precision = roc_and_pr(labels, scores, np.arange(90), once, folds)
    area = measure(METRICS["auroc"], labels, scores, once, folds)[0]
    assert np.trapezoid(roc[0], GRID) == pytest.approx(area, abs=0.01)
    ranked = roc_and_pr(labels, ranks_within(scores, folds), np.arange(90), once)[1]
    np.testing.assert_array_equal(precision, ranked)
