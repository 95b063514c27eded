"""Folds, a split that is dealt, or the one that came with the data."""

from __future__ import annotations

import pytest
from planning import cohort

from mmdx.engine.planning.rules.validation import fold_count, split_remark, training_share, validation_choice

OFFICIAL = {"train": 60, "val": 20, "test": 20}


@pytest.mark.parametrize(("patients", "folds"), [(12, 3), (15, 5), (499, 5), (500, 0), (5000, 0)])
def test_small_cohorts_have_folds(patients: int, folds: int) -> None:
    assert fold_count(cohort(patients=patients)) == folds


def test_a_split_that_came_with_the_data_is_kept() -> None:
    official = cohort(splits=OFFICIAL)
    assert fold_count(official) == 0
    assert validation_choice(0, official) is None
    assert split_remark(official).endswith("(patients: train 60, val 20, test 20).")
    assert split_remark(cohort()) == ""


def test_training_patients_alone_are_no_split() -> None:
    assert fold_count(cohort(splits={"train": 100})) == 5


def test_what_is_written() -> None:
    assert validation_choice(5, cohort()).value == {"count": 5, "seed": 0}
    assert validation_choice(0, cohort(patients=600)).value == {"val": 0.15, "test": 0.2, "seed": 0}


@pytest.mark.parametrize(("folds", "splits", "share"), [(5, {}, 0.68), (0, {}, 0.65), (0, OFFICIAL, 0.6)])
def test_the_share_of_patients_that_train(folds: int, splits: dict, share: float) -> None:
    assert training_share(folds, cohort(splits=splits)) == pytest.approx(share)
