"""What is left of a model when one of its inputs is that of another patient.

Every study is taken with the input of *every* other patient of the kind that is asked for, each counting the same: a
*cell* is a study and a lender. A resample of the patients draws both, so that a cell weighs what its study was drawn
times what its lender was, divided by how often all lenders of the study were. In a resample a study may stand twice,
and neither of the two lends to the other: it has fewer lenders like itself than there are. That moves all resampled
values a little to one side, by about what leaving out the study itself does, and they are moved back (`beside`).

Shapes: n studies, m lenders, c cells, r resamples of patients.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int, Integer

from mmdx.stats.resampling.weights import share

Lender = Literal["any", "same", "opposite"]
"""Whose input a study gets: that of any other patient, of one with the same label, or of one with the other label."""
LENDERS: tuple[Lender, ...] = ("any", "same", "opposite")
_CELLS_AT_ONCE = 2**21


def lenders(patients: Int[np.ndarray, "n"], labels: Float[np.ndarray, "n"], kind: Lender) -> Bool[np.ndarray, "n n"]:
    """Who may lend to whom, one row per borrower: never a patient to itself; without a label to nobody of a kind."""
    others = patients[:, None] != patients[None, :]
    if kind == "any":
        return others
    known = ~np.isnan(labels)
    alike = labels[:, None] == labels[None, :]
    return others & known[:, None] & known[None, :] & (alike if kind == "same" else ~alike)


def swapped_auroc(
    scores: Float[np.ndarray, "n m"],
    lent: Bool[np.ndarray, "n m"],
    labels: Float[np.ndarray, "n"],
    weights: Integer[np.ndarray, "r n"],
) -> Float[np.ndarray, "r"]:
    """The AUROC over all cells with a label in each resample, ties counting half; NaN without one of the classes."""
    rows, columns = np.nonzero(lent & ~np.isnan(labels)[:, None])
    values, place = np.unique(scores[rows, columns], return_inverse=True)
    order = np.argsort(place.reshape(-1), kind="stable")
    rows, columns, place = rows[order], columns[order], place.reshape(-1)[order]
    starts, positive = np.searchsorted(place, np.arange(len(values))), labels[rows] == 1
    result = np.empty(len(weights))
    at_once = max(1, _CELLS_AT_ONCE // max(len(rows), 1))
    for start in range(0, len(weights), at_once):
        drawn = weights[start : start + at_once].astype(float)
        cells = share(drawn, drawn @ lent.T)[:, rows] * drawn[:, columns]
        cells = np.nan_to_num(cells)  # a study that nobody who was drawn lends to
        if not len(rows):
            result[start : start + at_once] = np.nan
            continue
        ours = np.add.reduceat(np.where(positive, cells, 0.0), starts, axis=1)
        theirs = np.add.reduceat(np.where(positive, 0.0, cells), starts, axis=1)
        below = np.cumsum(theirs, axis=1) - theirs / 2
        whole = ours.sum(axis=1) * theirs.sum(axis=1)
        result[start : start + at_once] = share((ours * below).sum(axis=1), whole)
    return result


def beside(values: Float[np.ndarray, "r"], own: Float[np.ndarray, "r"]) -> Float[np.ndarray, "r"]:
    """The first value, and the resampled ones behind it moved so that they lie as far from those of `own` inputs, on
    average, as the first does: what no input changes has no interval."""
    apart = values - own
    if np.isnan(apart[1:]).all():
        return values
    return np.concatenate([values[:1], values[1:] - (np.nanmean(apart[1:]) - apart[0])])


def swapped_mean(
    values: Float[np.ndarray, "n m"], lent: Bool[np.ndarray, "n m"], weights: Integer[np.ndarray, "r n"]
) -> Float[np.ndarray, "r"]:
    """The mean over all cells in each resample; studies to which nobody who was drawn lends do not count."""
    drawn = weights.astype(float)
    of_study = share(drawn @ np.where(lent, values, 0.0).T, drawn @ lent.T)
    known = np.where(np.isnan(of_study), 0.0, drawn)
    return share((known * np.nan_to_num(of_study)).sum(axis=1), known.sum(axis=1))
