"""Folds by patient: every study is tested once, by a model that was trained without its patient."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from mmdx.data.splits.splits import Splits, deal, make_splits, patient_classes, prove_disjoint
from mmdx.data.tables.tables import read_table, write_table
from mmdx.errors import DataError
from mmdx.files import SITE
from mmdx.study import Split

_COLUMNS = ("study_id", "patient_id", "fold")


def make_folds(
    patient_ids: Sequence[str], labels: Float[np.ndarray, "n f"], *, count: int, seed: int
) -> tuple[int, ...]:
    """The fold of each study, 0 to `count` - 1, all studies of a patient in one; the same whatever the order of rows.

    Folds have equally many patients, to within one, and both classes of every finding wherever there are enough of
    them, dealt as splits are. Raises `DataError` where there are fewer than `count` patients, or fewer than 3: each
    fold's model takes one to train on, one to validate with and one to test.
    """
    patients = sorted(set(patient_ids))
    if len(patients) < max(count, 3):
        raise DataError(f"data.folds: {len(patients)} patients make no {count} folds; ask for fewer, or add patients")
    sizes = np.full(count, len(patients) // count)
    sizes[: len(patients) % count] += 1
    classes = patient_classes(patient_ids, patients, labels)
    dealt = deal(classes, np.full(count, 1 / count), sizes, np.random.default_rng(seed))
    fold_of = dict(zip(patients, dealt.tolist(), strict=True))
    return tuple(fold_of[patient] for patient in patient_ids)


def splits_of_fold(
    study_ids: Sequence[str],
    patient_ids: Sequence[str],
    labels: Float[np.ndarray, "n f"],
    folds: Sequence[int],
    fold: int,
    *,
    val: float,
    seed: int,
) -> Splits:
    """The split whose test is `fold`; `val`, a share of the other patients, is dealt from them, the rest is train.

    Proved disjoint by patient.
    """
    fixed: list[Split | None] = ["test" if number == fold else None for number in folds]
    # The test split is given, so that only the proportion of val to train counts.
    splits = make_splits(study_ids, patient_ids, labels, fixed, val=val / 2, test=0.5, seed=seed)
    prove_disjoint(study_ids, patient_ids, splits)
    return splits


def write_folds(
    path: Path,
    study_ids: Sequence[str],
    patient_ids: Sequence[str],
    folds: Sequence[int],
    sites: Sequence[str] | None = None,
) -> None:
    """Writes `folds.csv`, one row per study; a reader of `path` sees the old file or the whole new one.

    `sites` says what the site of each fold is called, in a column `site`, where each tests one.
    """
    if sites is None:
        write_table(path, _COLUMNS, zip(study_ids, patient_ids, folds, strict=True))
        return
    names = [sites[fold] for fold in folds]
    write_table(path, (*_COLUMNS, SITE), zip(study_ids, patient_ids, folds, names, strict=True))


def read_folds(path: Path) -> dict[str, int]:
    """The fold of every study in a `folds.csv`. Raises `DataError` for one that is no number, or a study twice."""
    folds: dict[str, int] = {}
    for row in read_table(path, required=_COLUMNS).rows:
        study_id, cell = str(row.cells["study_id"]), row.text("fold")
        if not cell.isdecimal():
            raise DataError(f"{row.at('fold')}: fold is '{cell}'; give a number from 0")
        if study_id in folds:
            raise DataError(f"{row.at('study_id')}: '{study_id}' is listed twice; keep one row")
        folds[study_id] = int(cell)
    return folds
