"""Groups of two classes: each is the complement of the other, so that both ask one question, which counts once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from mmdx.study import groups_of


def both_classes(labels: Float[np.ndarray, "n f"]) -> list[int]:
    """The findings that have positive and negative rows."""
    return np.flatnonzero((labels == 1).any(axis=0) & (labels == 0).any(axis=0)).tolist()


def doubles(findings: Sequence[str], labels: Float[np.ndarray, "n f"], primary: str | None = None) -> dict[int, int]:
    """By column of a finding that does not count in means, the column of its complement, which counts for both.

    Two findings `GROUP/A` and `GROUP/B` are complements where their group has no other class and one is 1 wherever the
    other is 0. That makes no pair of two classes that were picked from a larger group: some row is neither. The last
    of the two counts, but the `primary` finding where it is one of them, and the one that has both classes where the
    other has not.
    """
    counting: dict[int, int] = {}
    scorable = set(both_classes(labels))
    for members in groups_of(findings).values():
        first, *others = (list(findings).index(member) for member in members)
        if len(others) > 1 or not _opposite(labels[:, first], labels[:, others[0]]):
            continue
        pair = (first, others[0]) if findings[first] == primary else (others[0], first)
        kept, left = pair if pair[0] in scorable or pair[1] not in scorable else pair[::-1]
        counting[left] = kept
    return counting


def counted_once(findings: Sequence[str], labels: Float[np.ndarray, "n f"], primary: str | None = None) -> list[int]:
    """The columns of the findings that a macro mean is over: those with both classes, of complements one."""
    left = doubles(findings, labels, primary)
    return [column for column in both_classes(labels) if column not in left]


def _opposite(one: Float[np.ndarray, "n"], other: Float[np.ndarray, "n"]) -> bool:
    labelled = ~np.isnan(one) & ~np.isnan(other)
    return bool(labelled.any() and (one[labelled] != other[labelled]).all())
