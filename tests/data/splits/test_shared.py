"""The split of several models together."""

from __future__ import annotations

from mmdx.data.splits.shared import shared_splits
from mmdx.data.splits.splits import Splits


def test_what_one_learned_from_is_test_for_none():
    patients = ("a", "b", "c", "d", "e", "f")
    first = Splits(("train", "test", "test", "test", "unused", "val"), patients)
    second = Splits(("train", "train", "val", "test", "test", "test"), patients)
    shared = shared_splits([first, second])
    assert list(shared) == ["train", "train", "val", "test", "unused", "val"]
    assert shared.patients("test") == {"d"}
    assert shared_splits([first, first]) == first
