"""Boxes on slices become lesions of a study: boxes on neighbouring slices that overlap belong to one lesion."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

LINK = 0.2
"""The intersection over union that boxes on neighbouring slices must have; low, since lesions taper over slices."""


def overlaps(first: Float[np.ndarray, "k 4"], second: Float[np.ndarray, "m 4"]) -> Float[np.ndarray, "k m"]:
    """Intersection over union of every pair of boxes x0, y0, x1, y1."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=2)
    areas = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (first, second)]
    return shared / np.maximum(areas[0][:, None] + areas[1][None] - shared, np.finfo(float).tiny)


def link(
    slices: Int[np.ndarray, "k"], corners: Float[np.ndarray, "k 4"], *, least: float = LINK
) -> Int[np.ndarray, "k"]:
    """The lesion, numbered from 0, that each box of one finding in one study belongs to.

    Slice after slice, boxes are paired with those of the slice before so that the sum of the overlaps is largest; pairs
    that overlap by less than `least` are dropped. A box without a partner begins a lesion, so that a lesion that is
    missed on one slice becomes two.
    """
    from scipy.optimize import linear_sum_assignment  # imported here: most who import this link no boxes

    lesions = np.full(len(slices), -1, dtype=np.int64)
    count = 0
    for place in np.unique(slices):
        current, before = np.flatnonzero(slices == place), np.flatnonzero(slices == place - 1)
        shared = overlaps(corners[before], corners[current])
        for row, column in zip(*linear_sum_assignment(shared, maximize=True), strict=True):
            if shared[row, column] >= least:
                lesions[current[column]] = lesions[before[row]]
        for box in current[lesions[current] < 0]:
            lesions[box] = count
            count += 1
    return lesions
