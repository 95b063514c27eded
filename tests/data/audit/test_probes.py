"""Areas and their intervals, and scores that no patient had a part in."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from mmdx.data.audit.probes import area, cross_validated, enough


def test_the_area_is_the_one_of_scikit_learn_with_ties() -> None:
    labels = np.array([0.0, 0, 1, 1, 0, 1])
    scores = np.array([1.0, 2, 2, 3, 0, 0])
    assert area(labels, scores, np.arange(6)).value == pytest.approx(roc_auc_score(labels, scores))


def test_rows_of_one_patient_do_not_narrow_the_interval() -> None:
    rng = np.random.default_rng(0)
    labels = (np.arange(60) % 2).astype(float)
    scores = labels + rng.normal(size=60)
    once = area(labels, scores, np.arange(60))
    thrice = area(np.tile(labels, 3), np.tile(scores, 3), np.tile(np.arange(60), 3))
    assert thrice.value == pytest.approx(once.value)
    assert thrice.high - thrice.low == pytest.approx(once.high - once.low, rel=0.02)


def test_a_sure_probe_has_an_interval_of_one_point() -> None:
    found = area(np.array([0.0, 0, 1, 1]), np.array([0.0, 1, 2, 3]), np.arange(4))
    assert (found.low, found.value, found.high) == (1, 1, 1)


def test_no_row_is_scored_by_a_probe_that_saw_its_patient() -> None:
    patients = np.repeat(np.arange(20), 2)
    labels = (patients % 2).astype(float)

    def fitted(train: np.ndarray, held: np.ndarray) -> np.ndarray:
        assert not set(patients[train]) & set(patients[held])
        assert set(labels[train]) == {0, 1}
        return np.ones(len(held))

    assert cross_validated(labels, patients, fitted).tolist() == [1] * 40


def test_enough_counts_patients_and_not_rows() -> None:
    labels = np.repeat([0.0, 1.0, np.nan], 10)
    assert enough(labels, np.arange(30))
    assert not enough(labels, np.arange(30) // 2)
