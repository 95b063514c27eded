"""Measures of the order of scores: AUROC, average precision and operating points, over many resamples at once.

Sorting is the dear part, so it is done once: a `Ladder` holds the rows of a finding in the order of their scores. The
weights of a resample turn it into `Steps`, the classes' weights at each score, from which every measure is read. In
shapes, k is the number of distinct scores of positive rows, r of resamples, u of units. Resamples are the last axis, so
that a walk down the ladder takes all of them at once along contiguous memory.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, Integer
from scipy.sparse import csr_array

from mmdx.stats.resampling.weights import share

CELLS_AT_ONCE = 2**16
"""Cells of the ladder (steps times resamples) that are floating point numbers at a time: they fit a core's cache."""
SLACK = 1e-9
"""Added, in rows, before a bound is rounded down: (1 - 0.9) * 30 is a little below 3 in binary."""
_BLOCK = 16
"""Rows whose running sums are taken together: NumPy's `cumsum` down the first axis goes row by row, which is slower."""


@dataclass(frozen=True)
class Steps:
    """The k distinct scores of positives, from the highest, in each of r resamples.

    Taken as a threshold, a score finds the positives at or above it. `positives` is the weight of the positives at the
    score, `detected` of those at or above it; `above` is the weight of the negatives strictly above it, `reached` of
    those at or above it. They differ by ties of a positive and a negative row. `negatives` is the weight of all
    negatives.
    """

    positives: Integer[np.ndarray, "k r"]
    detected: Integer[np.ndarray, "k r"]
    above: Integer[np.ndarray, "k r"]
    reached: Integer[np.ndarray, "k r"]
    negatives: Int[np.ndarray, "r"]

    @property
    def all_positives(self) -> Int[np.ndarray, "r"]:
        return self.detected[-1].astype(np.int64) if len(self.detected) else np.zeros_like(self.negatives)

    @property
    def both_classes(self) -> np.ndarray:
        return (self.all_positives > 0) & (self.negatives > 0)


class Ladder:
    """The rows of one finding by falling score, ready for weights `[u r]` of the units that they belong to.

    A unit is a patient, or a row; `units` gives the unit of each of the n rows, `count` how many units there are. Only
    the scores of positive rows are steps: between two of them, the order of the negatives changes no measure, so that
    they are added up. Sums have the type `dtype` of the weights, which must hold the weight of all rows.
    """

    def __init__(
        self,
        labels: Float[np.ndarray, "n"],
        scores: Float[np.ndarray, "n"],
        units: Int[np.ndarray, "n"],
        count: int,
        dtype: np.dtype,
    ) -> None:
        # Scores are negated so that they rise, as `searchsorted` needs.
        positive, negative = np.flatnonzero(labels > 0), np.flatnonzero(~(labels > 0))
        thresholds, step = np.unique(-scores[positive], return_inverse=True)
        falling = -scores[negative]
        before, after = (np.searchsorted(thresholds, falling, side) for side in ("left", "right"))
        tied = before < after
        k = len(thresholds)
        self._positives = sums_by(step, units[positive], (k, count), dtype)
        # A negative that ties with step i is strictly above step i + 1 only. Row k holds those below every step, so
        # that the running sum of all k + 1 rows ends with the weight of all negatives.
        self._above = sums_by(after, units[negative], (k + 1, count), dtype)
        # Without ties, as with scores of a network, one of three products is saved.
        self._tied = sums_by(before[tied], units[negative[tied]], (k, count), dtype) if tied.any() else None

    def climb(self, weights: Integer[np.ndarray, "u r"]) -> Steps:
        """The steps under the weights of each resample."""
        positives, above = self._positives @ weights, self._above @ weights
        detected, above = _running(positives.copy()), _running(above)
        reached = above[:-1] if self._tied is None else above[:-1] + self._tied @ weights
        return Steps(positives, detected, above[:-1], reached, above[-1].astype(np.int64))


def steps_of(labels: Float[np.ndarray, "n"], scores: Float[np.ndarray, "n"], weights: Int[np.ndarray, "r n"]) -> Steps:
    """The steps of rows of which each is a unit by itself."""
    ladder = Ladder(labels, scores, np.arange(len(labels)), len(labels), np.dtype(np.int64))
    return ladder.climb(np.ascontiguousarray(weights.T, dtype=np.int64))


def auroc(*folds: Steps) -> Float[np.ndarray, "r"]:
    """The chance that a positive row scores above a negative one, ties counting half (Mann-Whitney).

    Of the steps of several folds, pairs within a fold count. NaN where a resample holds no pair.
    """
    lost, pairs = np.zeros(len(folds[0].negatives)), np.zeros(len(folds[0].negatives))
    for steps in folds:
        for part in _parts(steps):
            # Twice the count of pairs in the wrong order: whole numbers, so that no rounding can split a tie.
            wrong = steps.above[part].astype(np.float64)
            wrong += steps.reached[part]
            wrong *= steps.positives[part]
            lost += wrong.sum(axis=0)
        pairs += 2.0 * steps.all_positives * steps.negatives
    return share(pairs - lost, pairs)


def average_precision(steps: Steps) -> Float[np.ndarray, "r"]:
    """The mean precision over the positives, each taken at its own score as threshold; nothing is interpolated.

    NaN where a resample holds one class.
    """
    total = np.zeros(len(steps.negatives))
    for part in _parts(steps):
        # Above the first drawn row the precision is 0 / 0. Such a step has no positives, so that any value will do.
        precision = steps.detected[part] / np.maximum(steps.detected[part] + steps.reached[part], 1)
        precision *= steps.positives[part]
        total += precision.sum(axis=0)
    return np.where(steps.both_classes, share(total, steps.all_positives), np.nan)


def sensitivity_at(steps: Steps, specificity: float) -> Float[np.ndarray, "r"]:
    """The highest sensitivity among all thresholds at which the specificity is at least the given one."""
    # So many negatives may score at or above the threshold; `reached` rises, so that the last step within is wanted.
    allowed = np.floor((1 - specificity) * steps.negatives + SLACK)
    last = _first_above(steps.reached, allowed) - 1
    return np.where(steps.both_classes, share(_at(steps.detected, last), steps.all_positives), np.nan)


def specificity_at(steps: Steps, sensitivity: float) -> Float[np.ndarray, "r"]:
    """The highest specificity among all thresholds at which the sensitivity is at least the given one."""
    # So many positives may score below the threshold: the first step that detects all others is wanted.
    missed = np.floor((1 - sensitivity) * steps.all_positives + SLACK)
    first = _first_above(steps.detected, steps.all_positives - missed - 1)
    spared = steps.negatives - _at(steps.reached, first)
    return np.where(steps.both_classes, share(spared, steps.negatives), np.nan)


def apart(steps: Steps) -> np.ndarray:
    """Which resamples have classes that do not overlap, in either order: their logistic regression has no optimum."""
    last = _first_above(steps.detected, steps.all_positives - 1)
    first = _first_above(steps.detected, np.zeros(len(steps.negatives)))
    return (_at(steps.above, last) == 0) | (_at(steps.reached, first) == steps.negatives)


def sums_by(
    group: Int[np.ndarray, "m"], units: Int[np.ndarray, "m"], shape: tuple[int, int], dtype: np.dtype
) -> csr_array:
    """The sparse matrix `[groups units]`, of the given shape, that sums the weights of units by group.

    `group` and `units` give the group and the unit of each of m rows; a unit counts once per row.
    """
    order = np.argsort(group, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(group, minlength=shape[0]))])
    return csr_array((np.ones(len(order), dtype), units[order], starts), shape=shape)


def _running(values: Integer[np.ndarray, "k r"]) -> Integer[np.ndarray, "k r"]:
    """Cumulative sums down the first axis, in place: within all blocks at once, then over the blocks, then the rest."""
    in_blocks = len(values) // _BLOCK * _BLOCK
    blocks = values[:in_blocks].reshape(-1, _BLOCK, values.shape[1])
    for i in range(1, _BLOCK):
        blocks[:, i] += blocks[:, i - 1]
    if len(blocks):
        blocks[1:] += np.cumsum(blocks[:-1, -1], axis=0, dtype=values.dtype)[:, None]
    for i in range(max(in_blocks, 1), len(values)):
        values[i] += values[i - 1]
    return values


def _parts(steps: Steps) -> list[slice]:
    """The steps in parts of `CELLS_AT_ONCE` cells."""
    size = max(1, CELLS_AT_ONCE // max(1, len(steps.negatives)))
    return [slice(start, start + size) for start in range(0, len(steps.positives), size)]


def _first_above(rising: Integer[np.ndarray, "k r"], bound: np.ndarray) -> Int[np.ndarray, "r"]:
    """In each column the first row whose value is above the bound, or k without one, by bisection of rising values."""
    low, high = np.zeros(len(bound), dtype=np.int64), np.full(len(bound), len(rising))
    columns = np.arange(len(bound))
    for _ in range(len(rising).bit_length()):
        middle = (low + high) // 2
        open_, above = low < high, rising[np.minimum(middle, len(rising) - 1), columns] > bound
        high = np.where(open_ & above, middle, high)
        low = np.where(open_ & ~above, middle + 1, low)
    return low


def _at(values: Integer[np.ndarray, "k r"], row: Int[np.ndarray, "r"]) -> Int[np.ndarray, "r"]:
    """The value of each column in the row that is named for it: 0 for row -1, the last value for rows past the end."""
    if not len(values):
        return np.zeros(len(row), dtype=np.int64)
    picked = values[np.clip(row, 0, len(values) - 1), np.arange(len(row))]
    return np.where(row < 0, 0, picked).astype(np.int64)
