"""Fewer patients to train on: draws for a learning curve, each a part of the next larger one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

from mmdx.data.splits.splits import Splits, deal, patient_classes
from mmdx.errors import UsageError
from mmdx.study import Split


def with_fewer(
    patient_ids: Sequence[str], labels: Float[np.ndarray, "n f"], splits: Splits, *, count: int, seed: int
) -> Splits:
    """`splits` where `count` of the training patients train and the studies of the others are `unused`.

    Under one seed the patients of a smaller draw are among those of a larger one, whatever the order of the rows, and
    each draw has the classes of every finding as near to their shares as can be. Raises `UsageError` where there are
    fewer than `count`.
    """
    pool = sorted({patient for patient, split in zip(patient_ids, splits, strict=True) if split == "train"})
    if count > len(pool):
        raise UsageError(
            f"data.train_patients: {count}, and there are {len(pool)} training patients; ask for fewer, or leave it out"
        )
    chosen = first_patients(patient_classes(patient_ids, pool, labels), count, seed=seed)
    training = {pool[index] for index in chosen}
    words: Iterator[Split] = (
        "unused" if split == "train" and patient not in training else split
        for patient, split in zip(patient_ids, splits, strict=True)
    )
    return Splits(tuple(words), tuple(patient_ids))


def first_patients(classes: Bool[np.ndarray, "p c"], count: int, *, seed: int) -> Int[np.ndarray, " k"]:
    """The first `count` patients of an order drawn from `seed` whose every beginning is stratified.

    All patients are split into two stratified halves, then each half again, and so on. Only the halves that the count
    falls into are dealt, so that a draw costs no more than two deals of all patients.
    """
    rows, node, halves = np.arange(len(classes)), 1, []
    while count < len(rows):
        half = (len(rows) + 1) // 2
        sizes = np.array([half, len(rows) - half])
        part = deal(classes[rows], np.full(2, 0.5), sizes, np.random.default_rng([seed, node]))
        if count <= half:
            rows, node = rows[part == 0], 2 * node
        else:
            halves.append(rows[part == 0])
            rows, node, count = rows[part == 1], 2 * node + 1, count - half
    return np.concatenate([*halves, rows])
