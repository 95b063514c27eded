"""AUROC and means over studies with inputs of others."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from mmdx.stats.sections.inputs.swaps import beside, lenders, swapped_auroc, swapped_mean

RNG = np.random.default_rng(0)
LABELS = np.array([1, 0, 1, 0, 0, 1, np.nan, 0.0])
PATIENTS = np.array([0, 1, 2, 3, 3, 4, 5, 6])
SCORES = np.round(RNG.normal(size=(8, 8)), 1)  # with ties
WEIGHTS = np.stack([np.ones(8, int), np.array([2, 1, 0, 1, 1, 1, 3, 1]), np.array([0, 1, 0, 2, 2, 0, 1, 1])])


def test_who_lends():
    any_other = lenders(PATIENTS, LABELS, "any")
    assert not any_other.diagonal().any()
    assert not any_other[3, 4]  # the same patient
    same, opposite = (lenders(PATIENTS, LABELS, kind) for kind in ("same", "opposite"))
    assert np.flatnonzero(same[0]).tolist() == [2, 5]
    assert np.flatnonzero(opposite[0]).tolist() == [1, 3, 4, 7]
    assert not same[6].any()
    assert not opposite[:, 6].any()


@pytest.mark.parametrize("kind", ["any", "same", "opposite"])
def test_an_auroc_is_that_of_all_cells_with_their_weights(kind):
    lent = lenders(PATIENTS, LABELS, kind)
    found = swapped_auroc(SCORES, lent, LABELS, WEIGHTS)
    for drawn, value in zip(WEIGHTS, found, strict=True):
        cells = []
        for i in np.flatnonzero(~np.isnan(LABELS)):
            count = drawn[lent[i]].sum()
            cells += [(LABELS[i], SCORES[i, j], drawn[i] * drawn[j] / count) for j in np.flatnonzero(lent[i]) if count]
        labels, scores, weights = np.array(cells).T
        if len({label for label, weight in zip(labels, weights, strict=True) if weight}) < 2:
            assert np.isnan(value)
        else:
            assert value == pytest.approx(roc_auc_score(labels, scores, sample_weight=weights), abs=1e-12)


def test_a_mean_counts_each_study_once():
    lent = lenders(PATIENTS, LABELS, "any")
    found = swapped_mean(SCORES, lent, WEIGHTS)
    by_study = [np.average(SCORES[i, lent[i]], weights=WEIGHTS[1][lent[i]]) for i in range(8)]
    assert found[0] == pytest.approx(np.mean([SCORES[i, lent[i]].mean() for i in range(8)]))
    assert found[1] == pytest.approx(np.average(by_study, weights=WEIGHTS[1]))


def test_nobody_lends():
    nobody = np.zeros((8, 8), dtype=bool)
    assert np.isnan(swapped_auroc(SCORES, nobody, LABELS, WEIGHTS)).all()
    assert np.isnan(swapped_mean(SCORES, nobody, WEIGHTS)).all()


def test_what_changes_nothing_stays_where_it_is_and_what_is_moved_keeps_its_spread():
    own = np.array([0.7, 0.6, 0.9, np.nan, 0.5])
    assert np.array_equal(beside(own, own), own, equal_nan=True)
    moved = beside(own - np.array([0.1, 0.2, 0.3, 0.0, 0.1]), own)
    assert moved[0] == pytest.approx(0.6)
    assert np.nanmean((own - moved)[1:]) == pytest.approx(0.1)
    assert np.nanmax((own - moved)[1:]) - np.nanmin((own - moved)[1:]) == pytest.approx(0.2)
    nothing = np.array([0.5, np.nan])
    assert np.array_equal(beside(nothing, nothing), nothing, equal_nan=True)
