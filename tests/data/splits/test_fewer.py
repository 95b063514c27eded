"""Nested, stratified draws of training patients."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from mmdx.data.splits.fewer import first_patients, with_fewer
from mmdx.data.splits.splits import Splits
from mmdx.errors import UsageError


def cohort(patients: int = 60, positive: int = 6):
    """Two studies a patient; a rare finding, and one of every second patient; the last 20 patients test."""
    ids = [f"p{index // 2:03d}" for index in range(2 * patients)]
    labels = np.array([[index // 2 < positive, index // 2 % 2] for index in range(2 * patients)], dtype=np.float32)
    splits = Splits(tuple("train" if index // 2 < patients - 20 else "test" for index in range(2 * patients)))
    return ids, labels, splits


def drawn(ids, labels, splits, count, seed=0) -> set[str]:
    dealt = with_fewer(ids, labels, splits, count=count, seed=seed)
    return {patient for patient, split in zip(ids, dealt, strict=True) if split == "train"}


def test_a_draw_has_its_patients_with_all_their_studies_and_the_others_are_unused():
    ids, labels, splits = cohort()
    dealt = with_fewer(ids, labels, splits, count=10, seed=0)
    assert [dealt.count(name) for name in ("train", "unused", "test")] == [20, 60, 40]
    assert all(after == before for after, before in zip(dealt, splits, strict=True) if before == "test")
    assert all(dealt[2 * n] == dealt[2 * n + 1] for n in range(60))


@pytest.mark.parametrize("seed", range(5))
def test_each_draw_is_part_of_the_next(seed):
    everyone = cohort()
    draws = [drawn(*everyone, count, seed) for count in range(1, 41)]
    assert [len(draw) for draw in draws] == list(range(1, 41))
    assert all(small < large for small, large in pairwise(draws))


def test_half_of_the_patients_has_half_of_each_class():
    ids, labels, splits = cohort()
    half = drawn(ids, labels, splits, 20)
    assert len({p for p, row in zip(ids, labels, strict=True) if row[0] and p in half}) == 3
    assert len({p for p, row in zip(ids, labels, strict=True) if row[1] and p in half}) == 10


def test_a_lone_positive_is_in_every_draw():
    everyone = cohort(positive=1)
    assert all("p000" in drawn(*everyone, count) for count in range(1, 41))


def test_the_draw_depends_on_the_seed_and_not_on_the_order_of_rows():
    ids, labels, splits = cohort()
    turned = drawn(ids[::-1], labels[::-1], Splits(splits[::-1]), 13)
    assert drawn(ids, labels, splits, 13) == turned
    assert drawn(ids, labels, splits, 13, seed=1) != turned


def test_all_patients_leave_nobody_out_and_more_are_refused():
    ids, labels, splits = cohort()
    assert with_fewer(ids, labels, splits, count=40, seed=0) == splits
    with pytest.raises(
        UsageError, match=r"data\.train_patients: 41, and there are 40 training patients; ask for fewer"
    ):
        with_fewer(ids, labels, splits, count=41, seed=0)


def test_patients_without_any_class_are_drawn_too():
    assert sorted(first_patients(np.zeros((5, 0), dtype=bool), 5, seed=0)) == [0, 1, 2, 3, 4]
    assert len(first_patients(np.zeros((5, 2), dtype=bool), 3, seed=0)) == 3
