"""Folds: by patient, each study once, even in patients and in findings, whatever the order of the rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmdx.data.splits.folds import make_folds, read_folds, splits_of_fold, write_folds
from mmdx.errors import DataError


def cohort(patients: int, positives: int, studies: int = 2) -> tuple[list[str], list[str], np.ndarray]:
    """Some studies a patient; the first `positives` patients are positive for the one finding."""
    ids = [f"s{p:02d}_{s}" for p in range(patients) for s in range(studies)]
    owners = [f"p{p:02d}" for p in range(patients) for _ in range(studies)]
    labels = np.array([[float(p < positives)] for p in range(patients) for _ in range(studies)], dtype=np.float32)
    return ids, owners, labels


@given(patients=st.integers(6, 40), count=st.integers(2, 6), seed=st.integers(0, 5), data=st.data())
def test_folds_are_even_and_no_patient_is_in_two(patients, count, seed, data):
    positives = data.draw(st.integers(0, patients))
    _, owners, labels = cohort(patients, positives)
    folds = make_folds(owners, labels, count=count, seed=seed)
    fold_of = dict(zip(owners, folds, strict=True))
    assert [fold_of[owner] for owner in owners] == list(folds)
    sizes = [list(fold_of.values()).count(fold) for fold in range(count)]
    assert sum(sizes) == patients
    assert max(sizes) - min(sizes) <= 1
    positive = [sum(fold_of[f"p{p:02d}"] == fold for p in range(positives)) for fold in range(count)]
    assert max(positive) - min(positive) <= 1


def test_the_order_of_rows_does_not_matter_and_the_seed_does():
    _, owners, labels = cohort(12, 5, studies=1)
    folds = make_folds(owners, labels, count=3, seed=0)
    back = make_folds(owners[::-1], labels[::-1], count=3, seed=0)
    assert back[::-1] == folds
    assert make_folds(owners, labels, count=3, seed=1) != folds


def test_three_positive_patients_over_five_folds_leave_one_to_train_on_in_each():
    ids, owners, labels = cohort(54, 3, studies=1)
    folds = make_folds(owners, labels, count=5, seed=0)
    for fold in range(5):
        splits = splits_of_fold(ids, owners, labels, folds, fold, val=0.15, seed=0)
        assert labels[[name == "train" for name in splits]].sum() >= 1


def test_each_study_is_tested_once_and_the_others_train_and_validate():
    ids, owners, labels = cohort(20, 8)
    folds = make_folds(owners, labels, count=4, seed=0)
    tested: list[str] = []
    for fold in range(4):
        splits = splits_of_fold(ids, owners, labels, folds, fold, val=0.2, seed=0)
        tested += [study for study, name in zip(ids, splits, strict=True) if name == "test"]
        # 15 other patients with 2 studies each: a fifth of them validates.
        assert [splits.count(name) for name in ("train", "val", "test")] == [24, 6, 10]
        where = {(owner, name) for owner, name in zip(owners, splits, strict=True)}
        assert len(where) == 20
    assert sorted(tested) == ids


@pytest.mark.parametrize(("patients", "count"), [(4, 5), (2, 2)])
def test_too_few_patients(patients, count):
    _, owners, labels = cohort(patients, 1)
    with pytest.raises(DataError, match=f"{patients} patients make no {count} folds"):
        make_folds(owners, labels, count=count, seed=0)


def test_a_file_of_folds_is_read_back_and_a_bad_one_refused(tmp_path: Path):
    path = tmp_path / "folds.csv"
    write_folds(path, ["007", "b"], ["p1", "p2"], [0, 1])
    assert path.read_text() == "study_id,patient_id,fold\n007,p1,0\nb,p2,1\n"
    assert read_folds(path) == {"007": 0, "b": 1}
    path.write_text("study_id,patient_id,fold\na,p1,x\n")
    with pytest.raises(DataError, match=r"row 2, column 'fold': fold is 'x'; give a number from 0"):
        read_folds(path)
    path.write_text("study_id,patient_id,fold\na,p1,0\na,p1,1\n")
    with pytest.raises(DataError, match="'a' is listed twice"):
        read_folds(path)
