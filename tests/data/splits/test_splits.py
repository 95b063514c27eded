from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from mmdx.data.splits.splits import Splits, make_splits, prove_disjoint, read_splits, write_splits
from mmdx.errors import DataError, UsageError

NAN = np.nan


def cohort(seed: int) -> tuple[list[str], list[str], np.ndarray]:
    """Up to four studies a patient, findings of any prevalence, one label in ten unknown."""
    rng = np.random.default_rng(seed)
    patients, findings = int(rng.integers(40, 160)), int(rng.integers(1, 7))
    truth = rng.random((patients, findings)) < rng.uniform(0.05, 0.8, findings)
    owner = np.repeat(np.arange(patients), rng.integers(1, 5, patients))
    labels = np.where(rng.random((len(owner), findings)) < 0.1, NAN, truth[owner])
    return [f"s{i}" for i in range(len(owner))], [f"p{i}" for i in owner], labels


def dealt(ids, patients, labels, given=None, *, val=0.15, test=0.2, seed=0):
    return make_splits(ids, patients, labels, given or [None] * len(ids), val=val, test=test, seed=seed)


@pytest.mark.parametrize("seed", range(40))
def test_whole_patients_in_the_shares_asked_for(seed):
    ids, patients, labels = cohort(seed)
    splits = dealt(ids, patients, labels, seed=seed)
    prove_disjoint(ids, patients, splits)
    counts = Counter(dict(zip(patients, splits, strict=True)).values())
    total = len(set(patients))
    for split, share in {"train": 0.65, "val": 0.15, "test": 0.2}.items():
        assert abs(counts[split] - share * total) <= 1


@pytest.mark.parametrize("seed", range(40))
def test_both_classes_of_every_finding_in_every_split(seed):
    ids, patients, labels = cohort(seed)
    splits = dealt(ids, patients, labels, seed=seed)
    for finding in range(labels.shape[1]):
        owners = {p: set() for p in patients}
        for patient, value in zip(patients, labels[:, finding], strict=True):
            owners[patient] |= {value} - {v for v in {value} if np.isnan(v)}
        where = dict(zip(patients, splits, strict=True))
        for people in (
            [p for p, values in owners.items() if 1.0 in values],
            [p for p, values in owners.items() if values == {0.0}],
        ):
            counts = Counter(where[p] for p in people)
            if len(people) >= 3:
                assert len(counts) == 3
            if len(people) >= 20:
                assert abs(counts["test"] - 0.2 * len(people)) <= 3


def test_the_order_of_the_rows_does_not_matter():
    ids, patients, labels = cohort(3)
    before = dict(zip(ids, dealt(ids, patients, labels), strict=True))
    shuffled = np.random.default_rng(0).permutation(len(ids))
    again = dealt([ids[i] for i in shuffled], [patients[i] for i in shuffled], labels[shuffled])
    assert {ids[i]: split for i, split in zip(shuffled, again, strict=True)} == before


def test_the_seed_decides():
    ids, patients, labels = cohort(4)
    assert dealt(ids, patients, labels, seed=1) == dealt(ids, patients, labels, seed=1)
    assert dealt(ids, patients, labels, seed=1) != dealt(ids, patients, labels, seed=2)


def test_without_any_label_patients_are_still_dealt():
    ids = [f"s{i}" for i in range(20)]
    assert Counter(dealt(ids, ids, np.zeros((20, 0)))) == {"train": 13, "val": 3, "test": 4}
    assert Counter(dealt(ids, ids, np.full((20, 2), NAN))) == {"train": 13, "val": 3, "test": 4}


@pytest.mark.parametrize(
    ("patients", "counts"), [(1, {"train": 1}), (2, {"train": 1, "test": 1}), (3, {"train": 1, "val": 1, "test": 1})]
)
def test_a_tiny_cohort_trains_first(patients, counts):
    ids = [f"s{i}" for i in range(patients)]
    assert Counter(dealt(ids, ids, np.zeros((patients, 1)))) == counts


def test_given_splits_are_kept():
    ids = [f"s{i}" for i in range(6)]
    given = ["test", "train", "val", "train", "test", "val"]
    assert list(dealt(ids, ids, np.zeros((6, 1)), given)) == given


@pytest.mark.parametrize(("missing", "carved"), [("val", 19), ("test", 24)])
def test_a_split_that_did_not_come_is_carved_from_train(missing, carved):
    """val : train = 0.15 : 0.65 of 100 patients is 19; test : train = 0.2 : 0.65 of 100 is 24."""
    ids = [f"s{i:03d}" for i in range(120)]
    other = {"val": "test", "test": "val"}[missing]
    given = [other] * 20 + ["train"] * 100
    splits = dealt(ids, ids, np.zeros((120, 1)), given)
    assert list(splits[:20]) == [other] * 20
    assert Counter(splits[20:]) == {missing: carved, "train": 100 - carved}


def test_patients_without_a_split_never_join_a_given_test_split():
    ids = [f"s{i:03d}" for i in range(120)]
    splits = dealt(ids, ids, np.zeros((120, 1)), ["test"] * 20 + [None] * 100)
    assert Counter(splits) == {"test": 20, "val": 19, "train": 81}


def test_a_study_without_a_split_follows_its_patient():
    assert dealt(["a", "b", "c"], ["p", "p", "q"], np.zeros((3, 1)), ["test", None, "val"])[:2] == ("test", "test")


def test_a_patient_given_two_splits_is_named():
    with pytest.raises(DataError) as error:
        dealt(["a", "b"], ["p", "p"], np.zeros((2, 1)), ["train", "test"])
    assert (
        str(error.value) == "patient 'p' is in 2 splits: train (study 'a'), test (study 'b'); keep each patient in one"
    )


@pytest.mark.parametrize(("val", "test"), [(0.5, 0.5), (0.0, 0.2), (0.2, 0.0), (0.9, 0.2)])
def test_shares_must_leave_some_to_train_on(val, test):
    with pytest.raises(UsageError, match="shares above 0"):
        dealt(["a"], ["p"], np.zeros((1, 1)), val=val, test=test)


def test_proof_names_patients_and_empty_splits():
    prove_disjoint(["a", "b", "c"], ["p", "q", "r"], ["train", "val", "test"])
    with pytest.raises(DataError, match="patient 'p' is in 2 splits"):
        prove_disjoint(["a", "b", "c"], ["p", "p", "r"], ["train", "val", "test"])
    with pytest.raises(DataError) as error:
        prove_disjoint(["a", "b", "c"], ["p", "p", "r"], ["train", "train", "test"])
    assert str(error.value) == "no patient in val (patients: train 1, val 0, test 1); split anew or add patients"


def test_splits_round_trip(tmp_path):
    path = tmp_path / "splits.csv"
    path.write_text("old")
    write_splits(path, ["a,1", "b"], ["p", "q"], ["train", "test"])
    assert path.read_text() == 'study_id,patient_id,split\n"a,1",p,train\nb,q,test\n'
    assert read_splits(path) == {"a,1": "train", "b": "test"}
    assert [p.name for p in tmp_path.iterdir()] == ["splits.csv"]


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ("a,p,train\na,p,train\n", "row 3, column 'study_id': 'a' is listed twice"),
        ("a,p,\n", "row 2: a study_id and a split are needed"),
        ("a,p,holdout\n", "row 2, column 'split': split is 'holdout'"),
    ],
)
def test_a_bad_splits_file_is_refused(tmp_path, rows, problem):
    (tmp_path / "splits.csv").write_text(f"study_id,patient_id,split\n{rows}")
    with pytest.raises(DataError, match=problem):
        read_splits(tmp_path / "splits.csv")


def test_rows_counts_and_patients_of_splits():
    splits = Splits(("train", "test", "train", "unused", "val"), ("a", "b", "a", "c", "d"))
    assert splits.rows("train") == [0, 2]
    assert splits.counts() == {"train": 2, "val": 1, "test": 1, "unused": 1}
    assert splits.patients("train") == {"a"}
    assert Splits(("train", "val")).counts() == {"train": 1, "val": 1, "test": 0}
    assert Splits(splits.words) == splits != Splits(splits.words[::-1])
