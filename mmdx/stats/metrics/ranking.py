"""What the order of scores is worth: AUROC, average precision, operating points, over many resamples at once.

A `Ladder` is the order of the scores, found once; a resample's weights turn it into `Steps`, from which every measure
is read. Arrays are laid out with the resamples last, so that whatever walks down the ladder walks all of them at once
along contiguous memory.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, Integer
from scipy.sparse import csr_array

from mmdx.stats.resampling.weights import share

CELLS_AT_ONCE = 2**16
"""Cells of the ladder (steps times resamples) in floating point at a time: what fits a processor's own cache."""
SLACK = 1e-9
"""By how much a share may miss a bound, in rows: 0.1 times 30 is not 3 in binary."""
_BLOCK = 16


@dataclass(frozen=True)
class Steps:
    """The k distinct scores of positives, from the highest, in each of r resamples.

    `positives` is the weight of the positives there, `found` that of those there or above; `above` and `reached` weigh
    the negatives strictly above, and there or above. `negatives` is the weight of all negatives.
    """

    positives: Integer[np.ndarray, "k r"]
    found: Integer[np.ndarray, "k r"]
    above: Integer[np.ndarray, "k r"]
    reached: Integer[np.ndarray, "k r"]
    negatives: Int[np.ndarray, "r"]

    @property
    def all_positives(self) -> Int[np.ndarray, "r"]:
        return self.found[-1].astype(np.int64) if len(self.found) else np.zeros_like(self.negatives)

    @property
    def both_classes(self) -> np.ndarray:
        return (self.all_positives > 0) & (self.negatives > 0)


class Ladder:
    """The rows of one finding by falling score, for weights `[u r]` of the units (patients, or rows) that they are of.

    Only the scores of positives move a measure of order, so that negatives are summed between them and at them. Sums
    are kept in the type of the weights, which must hold the weight of all rows.
    """

    def __init__(
        self,
        labels: Float[np.ndarray, "n"],
        scores: Float[np.ndarray, "n"],
        units: Int[np.ndarray, "n"],
        count: int,
        dtype: np.dtype,
    ) -> None:
        positive, negative = np.flatnonzero(labels > 0), np.flatnonzero(~(labels > 0))
        thresholds, step = np.unique(-scores[positive], return_inverse=True)
        falling = -scores[negative]
        before, after = (np.searchsorted(thresholds, falling, side) for side in ("left", "right"))
        tied = before < after
        k = len(thresholds)
        self._positives = sums_by(step, units[positive], (k, count), dtype)
        # Those tied with a step are strictly above the next one only; after the last step come those below them all.
        self._above = sums_by(after, units[negative], (k + 1, count), dtype)
        self._tied = sums_by(before[tied], units[negative[tied]], (k, count), dtype) if tied.any() else None

    def climb(self, weights: Integer[np.ndarray, "u r"]) -> Steps:
        """The steps under the weights of each resample."""
        positives, above = self._positives @ weights, self._above @ weights
        found, above = _running(positives.copy()), _running(above)
        reached = above[:-1] if self._tied is None else above[:-1] + self._tied @ weights
        return Steps(positives, found, above[:-1], reached, above[-1].astype(np.int64))


def steps_of(labels: Float[np.ndarray, "n"], scores: Float[np.ndarray, "n"], weights: Int[np.ndarray, "r n"]) -> Steps:
    """The steps of rows that are their own units."""
    ladder = Ladder(labels, scores, np.arange(len(labels)), len(labels), np.dtype(np.int64))
    return ladder.climb(np.ascontiguousarray(weights.T, dtype=np.int64))


def auroc(steps: Steps) -> Float[np.ndarray, "r"]:
    """The chance that a positive row scores above a negative one, ties counting half (Mann-Whitney).

    NaN where a resample holds one class.
    """
    lost = np.zeros(len(steps.negatives))
    for part in _parts(steps):
        # Twice the count of pairs in the wrong order: whole numbers, so that no rounding can split a tie.
        wrong = steps.above[part].astype(np.float64)
        wrong += steps.reached[part]
        wrong *= steps.positives[part]
        lost += wrong.sum(axis=0)
    pairs = 2.0 * steps.all_positives * steps.negatives
    return share(pairs - lost, pairs)


def average_precision(steps: Steps) -> Float[np.ndarray, "r"]:
    """The mean precision over the positives, each taken at its own score as threshold; nothing is interpolated.

    NaN where a resample holds one class.
    """
    total = np.zeros(len(steps.negatives))
    for part in _parts(steps):
        # A score that no drawn row has reached yet gives 0 / 0, and carries no weight: its precision may be anything.
        precision = steps.found[part] / np.maximum(steps.found[part] + steps.reached[part], 1)
        precision *= steps.positives[part]
        total += precision.sum(axis=0)
    return np.where(steps.both_classes, share(total, steps.all_positives), np.nan)


def sensitivity_at(steps: Steps, specificity: float) -> Float[np.ndarray, "r"]:
    """The highest sensitivity among all thresholds at which the specificity is at least the given one."""
    allowed = np.floor((1 - specificity) * steps.negatives + SLACK)
    last = _first_above(steps.reached, allowed) - 1
    return np.where(steps.both_classes, share(_at(steps.found, last), steps.all_positives), np.nan)


def specificity_at(steps: Steps, sensitivity: float) -> Float[np.ndarray, "r"]:
    """The highest specificity among all thresholds at which the sensitivity is at least the given one."""
    missed = np.floor((1 - sensitivity) * steps.all_positives + SLACK)
    first = _first_above(steps.found, steps.all_positives - missed - 1)
    kept = steps.negatives - _at(steps.reached, first)
    return np.where(steps.both_classes, share(kept, steps.negatives), np.nan)


def apart(steps: Steps) -> np.ndarray:
    """Where no negative scores above a positive, or none below one: a logistic curve through them has no end."""
    last = _first_above(steps.found, steps.all_positives - 1)
    first = _first_above(steps.found, np.zeros(len(steps.negatives)))
    return (_at(steps.above, last) == 0) | (_at(steps.reached, first) == steps.negatives)


def sums_by(
    group: Int[np.ndarray, "m"], units: Int[np.ndarray, "m"], shape: tuple[int, int], dtype: np.dtype
) -> csr_array:
    """The matrix that sums the weights of units by group; a unit counts as often as it stands there."""
    order = np.argsort(group, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(group, minlength=shape[0]))])
    return csr_array((np.ones(len(order), dtype), units[order], starts), shape=shape)


def _running(values: Integer[np.ndarray, "k r"]) -> Integer[np.ndarray, "k r"]:
    """Cumulative sums down the first axis, in place: within blocks, all blocks at a time, then over the blocks."""
    whole = len(values) // _BLOCK * _BLOCK
    blocks = values[:whole].reshape(-1, _BLOCK, values.shape[1])
    for i in range(1, _BLOCK):
        blocks[:, i] += blocks[:, i - 1]
    if len(blocks):
        blocks[1:] += np.cumsum(blocks[:-1, -1], axis=0, dtype=values.dtype)[:, None]
    for i in range(max(whole, 1), len(values)):
        values[i] += values[i - 1]
    return values


def _parts(steps: Steps) -> list[slice]:
    size = max(1, CELLS_AT_ONCE // max(1, len(steps.negatives)))
    return [slice(start, start + size) for start in range(0, len(steps.positives), size)]


def _first_above(rising: Integer[np.ndarray, "k r"], bound: np.ndarray) -> Int[np.ndarray, "r"]:
    """In each column the first row that is above the bound, k where none is, by bisection."""
    low, high = np.zeros(len(bound), dtype=np.int64), np.full(len(bound), len(rising))
    columns = np.arange(len(bound))
    for _ in range(len(rising).bit_length()):
        middle = (low + high) // 2
        open_, above = low < high, rising[np.minimum(middle, len(rising) - 1), columns] > bound
        high = np.where(open_ & above, middle, high)
        low = np.where(open_ & ~above, middle + 1, low)
    return low


def _at(values: Integer[np.ndarray, "k r"], row: Int[np.ndarray, "r"]) -> Int[np.ndarray, "r"]:
    """The value of each column in its own row; 0 before the first, that of the last row after it."""
    if not len(values):
        return np.zeros(len(row), dtype=np.int64)
    found = values[np.clip(row, 0, len(values) - 1), np.arange(len(row))]
    return np.where(row < 0, 0, found).astype(np.int64)
