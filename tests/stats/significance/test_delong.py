"""DeLong's test on values that a person can write down, and on simulated pairs of equally good models."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from mmdx.stats.significance.delong import auroc_covariance, delong_test

LABELS = np.array([1.0, 1.0, 0.0, 0.0])
OVARIAN_CANCER = """
3.0 5.8 10 0  3.2 6.3 5 1  3.9 6.8 3 1  2.8 4.8 6 0  3.2 5.8 3 1  0.9 4.0 5 0  2.5 5.7 8 0  1.6 5.6 5 1  3.8 5.7 5 1
3.7 6.7 6 1  3.2 5.4 4 1  3.8 6.6 6 1  4.1 6.6 5 1  3.6 5.7 5 1  4.3 7.0 4 1  3.6 6.7 4 0  2.3 4.4 6 1  4.2 7.6 4 0
4.0 6.6 6 0  3.5 5.8 6 1  3.8 6.8 7 1  3.0 4.7 8 0  4.5 7.4 5 1  3.7 7.4 5 1  3.1 6.6 6 1  4.1 8.2 6 1  4.3 7.0 5 1
4.3 6.5 4 1  3.2 5.1 5 1  2.6 4.7 6 1  3.3 6.8 6 0  1.7 4.0 7 0  3.7 6.1 5 1  3.3 6.3 7 1  4.2 7.7 6 1  3.5 6.2 5 1
2.9 5.7 9 0  2.1 4.8 7 1  2.8 6.2 8 0  4.0 7.0 7 1  3.3 5.7 6 1  3.7 6.9 5 1  3.6 6.6 5 1
"""
"""Of 43 women with ovarian cancer and an obstructed bowel: albumin, total protein, Krebs-Goplerud score (less is
better), and whether surgery helped. The worked example of DeLong et al. 1988, as the SAS/STAT manual prints it."""


def test_variance_of_two_and_two_by_hand():
    """Placements of the positives are 1 and 1/2, of the negatives 1/2 and 1: each scatters by 1/8, over two rows."""
    values, covariance = auroc_covariance(LABELS, np.array([[0.9, 0.4, 0.6, 0.1]]), np.arange(4))
    assert values.tolist() == [0.75]
    assert covariance.tolist() == [[pytest.approx(0.125 / 2 + 0.125 / 2)]]


def test_ties_count_half():
    values, _ = auroc_covariance(LABELS, np.array([[0.5, 0.5, 0.5, 0.5]]), np.arange(4))
    assert values.tolist() == [0.5]


def test_rows_given_twice_add_nothing():
    """A copy of every row of a patient is no new evidence: the error stays what it was, and z does not grow."""
    rng = np.random.default_rng(0)
    labels = (rng.random(40) < 0.5).astype(float)
    first, second = labels + rng.normal(size=40), 0.5 * labels + rng.normal(size=40)
    once = delong_test(labels, first, second, np.arange(40))
    twice = delong_test(*(np.repeat(x, 2) for x in (labels, first, second, np.arange(40))))
    assert (twice.difference, twice.error, twice.p) == pytest.approx((once.difference, once.error, once.p))


def test_the_auroc_is_that_of_scikit_learn():
    rng = np.random.default_rng(1)
    labels, scores = (rng.random(50) < 0.3).astype(float), np.round(rng.random((3, 50)), 1)
    values, _ = auroc_covariance(labels, scores, np.arange(50))
    assert values.tolist() == pytest.approx([roc_auc_score(labels, row) for row in scores])


def test_equal_scores_do_not_differ():
    scores = np.array([0.9, 0.4, 0.6, 0.1])
    found = delong_test(LABELS, scores, scores, np.arange(4))
    assert (found.difference, found.error, found.p) == (0.0, 0.0, 1.0)


def test_too_few_patients_are_refused_by_name():
    found = delong_test(LABELS, np.array([0.9, 0.4, 0.6, 0.1]), np.array([0.1, 0.4, 0.6, 0.9]), np.array([0, 0, 1, 2]))
    assert found.refused == "1 patient with the finding, and 2 are needed"
    assert np.isnan(found.p)


def test_alike_slices_of_a_patient_do_not_make_a_difference():
    """60 patients of 8 alike slices, two equally good models, 300 times: DeLong by slices rejects far too often."""
    rng = np.random.default_rng(2)
    patients = np.repeat(np.arange(60), 8)
    by_patient, by_slice = [], []
    for _ in range(300):
        labels = ((rng.random(60) < 0.4)[patients] & (rng.random(480) < 0.6)).astype(float)
        pair = [labels + 0.8 * rng.normal(size=60)[patients] + 0.5 * rng.normal(size=480) for _ in range(2)]
        by_patient.append(delong_test(labels, *pair, patients).p < 0.05)
        by_slice.append(delong_test(labels, *pair, np.arange(480)).p < 0.05)
    assert 0.02 < np.mean(by_patient) < 0.09
    assert np.mean(by_slice) > 0.25


def test_the_published_example_of_delong():
    """Areas, standard errors, the test of all three and of two pairs, as the SAS/STAT manual prints them (LOGISTIC,
    "Comparing Receiver Operating Characteristic Curves")."""
    albumin, protein, krebs, helped = np.array(OVARIAN_CANCER.split(), dtype=float).reshape(43, 4).T
    patients = np.arange(43)
    areas, covariance = auroc_covariance(helped, np.stack([albumin, 10 - krebs, protein]), patients)
    assert areas.tolist() == pytest.approx([0.7366, 0.7258, 0.6478], abs=5e-5)
    assert np.sqrt(np.diag(covariance)).tolist() == pytest.approx([0.0927, 0.1028, 0.1000], abs=5e-5)
    contrast = np.array([[1, -1, 0], [0, -1, 1]])
    off = contrast @ areas
    assert off @ np.linalg.solve(contrast @ covariance @ contrast.T, off) == pytest.approx(2.5340, abs=5e-5)
    first, second = (delong_test(helped, each, 10 - krebs, patients) for each in (albumin, protein))
    assert (first.difference, first.error, first.p) == pytest.approx((0.0108, 0.0953, 0.9102), abs=5e-5)
    assert (second.difference, second.error, second.p) == pytest.approx((-0.0780, 0.1046, 0.4561), abs=5e-5)


def uneven(seed: int, *, both: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, two alike scores with ties, and patients of 2 to 5 rows; `both`: each patient has rows of both kinds."""
    rng = np.random.default_rng(seed)
    patients = np.repeat(np.arange(12), rng.integers(2, 6, 12))
    labels = (rng.random(len(patients)) < 0.4).astype(float)
    starts = np.flatnonzero(np.diff(patients, prepend=-1))
    labels[starts], labels[starts + 1] = (1, 0) if both else (1, labels[starts + 1])
    alike = rng.normal(size=12)[patients]
    scores = np.round(labels + alike + rng.normal(size=(2, len(patients))), 1)
    return labels, scores, patients


@pytest.mark.parametrize("seed", range(5))
def test_clustered_variance_is_obuchowskis_pair_by_pair(seed):
    """No published example was at hand with its data: a second derivation, the sums of the paper (Biometrics 1997) as
    loops over pairs, with patients who have rows of one kind only among them."""
    labels, scores, patients = uneven(seed, both=False)
    yes, no = np.flatnonzero(labels == 1), np.flatnonzero(labels == 0)
    clusters = range(12)
    of_yes, of_no, areas = [], [], []
    for row in scores:
        wins = np.array([[(row[i] > row[j]) + 0.5 * (row[i] == row[j]) for j in no] for i in yes])
        area = wins.mean()
        of_yes.append([sum(wins[a].mean() - area for a, i in enumerate(yes) if patients[i] == c) for c in clusters])
        of_no.append([sum(wins[:, b].mean() - area for b, j in enumerate(no) if patients[j] == c) for c in clusters])
        areas.append(area)
    with_yes, with_no, m, n = len(set(patients[yes])), len(set(patients[no])), len(yes), len(no)
    expected = np.empty((2, 2))
    for one, other in np.ndindex(2, 2):
        s10 = with_yes / ((with_yes - 1) * m) * sum(of_yes[one][c] * of_yes[other][c] for c in clusters)
        s01 = with_no / ((with_no - 1) * n) * sum(of_no[one][c] * of_no[other][c] for c in clusters)
        s11 = [12 / 11 * sum(of_yes[u][c] * of_no[v][c] for c in clusters) for u, v in ((one, other), (other, one))]
        expected[one, other] = s10 / m + s01 / n + sum(s11) / (m * n)
    values, covariance = auroc_covariance(labels, scores, patients)
    assert values.tolist() == pytest.approx(areas)
    np.testing.assert_allclose(covariance, expected, atol=1e-14)


@pytest.mark.parametrize("seed", range(5))
def test_clustered_variance_is_the_infinitesimal_jackknife(seed):
    """A third derivation, without placements: how the AUROC moves as one patient weighs a little more, squared and
    summed over patients, times k / (k - 1). Exact where every one of k patients has rows of both kinds."""
    labels, scores, patients = uneven(seed, both=True)

    def difference(by_patient: np.ndarray) -> float:
        first, second = (roc_auc_score(labels, row, sample_weight=by_patient[patients]) for row in scores)
        return first - second

    step = 1e-4
    slopes = [(difference(1 + step * one) - difference(1 - step * one)) / (2 * step) for one in np.eye(12)]
    found = delong_test(labels, *scores, patients)
    assert found.error**2 == pytest.approx(12 / 11 * np.square(slopes).sum(), rel=1e-6)


def test_pairs_within_folds_by_hand():
    """Fold 0 has one of one pair right, fold 1 one of two: the AUROC is 2/3, and a copy of it does not differ."""
    labels, folds = np.array([1.0, 0.0, 1.0, 0.0, 0.0]), np.array([0, 0, 1, 1, 1])
    scores = np.array([0.2, 0.1, 0.9, 0.95, 0.8])
    values, _ = auroc_covariance(labels, np.stack([scores, scores]), np.arange(5), [folds, None])
    assert values.tolist() == pytest.approx([2 / 3, 1 / 2])
    same = delong_test(labels, scores, scores + folds, np.arange(5), [folds, folds])
    assert (same.difference, same.p) == (0.0, 1.0)
    alone = delong_test(labels, scores, scores, np.arange(5), [np.arange(5), None])
    assert alone.refused == "no fold has both a positive and a negative row"


@pytest.mark.parametrize("seed", range(3))
def test_within_folds_the_clustered_variance_is_the_infinitesimal_jackknife(seed):
    """Each of the two sets of scores has folds of its own."""
    labels, scores, patients = uneven(seed, both=True)
    folds = [patients % 3, patients // 6]

    def difference(by_patient: np.ndarray) -> float:
        areas = []
        for row, of_row in zip(scores, folds, strict=True):
            tops = bottoms = 0.0
            for fold in np.unique(of_row):
                inside = of_row == fold
                weights = by_patient[patients[inside]]
                pairs = weights[labels[inside] == 1].sum() * weights[labels[inside] == 0].sum()
                tops += pairs * roc_auc_score(labels[inside], row[inside], sample_weight=weights)
                bottoms += pairs
            areas.append(tops / bottoms)
        return areas[0] - areas[1]

    step = 1e-4
    slopes = [(difference(1 + step * one) - difference(1 - step * one)) / (2 * step) for one in np.eye(12)]
    found = delong_test(labels, *scores, patients, folds)
    assert found.difference == pytest.approx(difference(np.ones(12)))
    assert found.error**2 == pytest.approx(12 / 11 * np.square(slopes).sum(), rel=1e-6)
