"""The split that several models have in common: what any of them has learned from is test for none."""

from __future__ import annotations

from collections.abc import Sequence

from mmdx.data.splits.splits import Splits
from mmdx.study import Split


def shared_splits(splits: Sequence[Splits]) -> Splits:
    """Of each study the split that holds for all of `splits` together, which are of the same studies.

    A study is of `train` where it is for any, else of `val` where it is for any, of `test` where it is for all; and
    `unused` otherwise.
    """
    return Splits(tuple(_shared(set(words)) for words in zip(*splits, strict=True)), splits[0].patient_ids)


def _shared(words: set[Split]) -> Split:
    if "train" in words:
        return "train"
    if "val" in words:
        return "val"
    return "test" if words == {"test"} else "unused"
