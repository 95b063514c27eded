"""Train, validation and test: dealt by patient, stratified by finding, and proven disjoint.

The dealing is iterative stratification (Sechidis et al. 2011, ECML PKDD) over patients, with hard sizes: both classes
of the rarest finding go first, each patient to the split that still lacks most of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import overload

import numpy as np
from jaxtyping import Bool, Float, Int

from mmdx.data.tables.split_words import parse_split
from mmdx.data.tables.tables import read_table, write_table
from mmdx.errors import DataError, UsageError
from mmdx.study import SPLITS, Split

_COLUMNS = ("study_id", "patient_id", "split")


@dataclass(frozen=True)
class Splits(Sequence[Split]):
    """The split of each study, a word per row of a store; `patient_ids`, where they are known, say whose study it is.

    Two are equal where their words are.
    """

    words: tuple[Split, ...]
    patient_ids: tuple[str, ...] = field(default=(), compare=False)

    @overload
    def __getitem__(self, row: int) -> Split: ...

    @overload
    def __getitem__(self, row: slice) -> tuple[Split, ...]: ...

    def __getitem__(self, row: int | slice) -> Split | tuple[Split, ...]:
        return self.words[row]

    def __len__(self) -> int:
        return len(self.words)

    def __iter__(self) -> Iterator[Split]:
        return iter(self.words)

    def rows(self, split: Split) -> list[int]:
        """The rows of the studies in a split, in order."""
        return [row for row, word in enumerate(self.words) if word == split]

    def counts(self) -> dict[str, int]:
        """Studies in each split, and those that are left out of training where there are any."""
        counts = Counter(self.words)
        names: tuple[Split, ...] = (*SPLITS, "unused") if counts["unused"] else SPLITS
        return {name: counts[name] for name in names}

    def joined(self) -> Splits:
        """The same, with the studies of validation among those of training."""
        return Splits(tuple("train" if word == "val" else word for word in self.words), self.patient_ids)

    def patients(self, split: Split) -> frozenset[str]:
        """The patients with a study in a split. Raises `ValueError` where the ids of patients are not known."""
        return frozenset(p for p, word in zip(self.patient_ids, self.words, strict=True) if word == split)


def make_splits(
    study_ids: Sequence[str],
    patient_ids: Sequence[str],
    labels: Float[np.ndarray, "n f"],
    given: Sequence[Split | None],
    *,
    val: float,
    test: float,
    seed: int,
) -> Splits:
    """One split per study, all studies of a patient in one; the same whatever the order of the rows.

    `val` and `test` are shares of the patients, met to within one patient. A val or test split that came with the data
    is kept as it is. One that did not is dealt from the patients given `train` or nothing, and these also make up the
    training split; where one of the two was given, the other keeps the proportion to train that was asked for. Each
    split gets patients of both classes of a finding wherever there are enough of them; labels are those of the patient
    (positive in any study), NaN counting as neither class.

    Raises `UsageError` for shares that leave nothing to train on and `DataError` with a line for every patient whose
    studies were given different splits.
    """
    if not (val > 0 and test > 0 and val + test < 1):
        raise UsageError(f"val is {val:g} and test is {test:g}; give shares above 0 that leave some to train on")
    fixed = _given_by_patient(study_ids, patient_ids, given)
    targets: dict[Split, float] = {"train": 1 - val - test, "val": val, "test": test}
    pool = [p for p in sorted(fixed) if fixed[p] in (None, "train")]
    closed = {split for split in fixed.values() if split in ("val", "test")}
    shares = np.array([0.0 if split in closed else targets[split] for split in SPLITS])
    shares /= shares.sum()
    classes = patient_classes(patient_ids, pool, labels)
    dealt = deal(classes, shares, _sizes(len(pool), shares), np.random.default_rng(seed))
    split_of: dict[str, Split] = {p: split for p, split in fixed.items() if split is not None}
    split_of |= {p: SPLITS[int(index)] for p, index in zip(pool, dealt, strict=True)}
    return Splits(tuple(split_of[p] for p in patient_ids), tuple(patient_ids))


def prove_disjoint(study_ids: Sequence[str], patient_ids: Sequence[str], splits: Sequence[Split]) -> None:
    """Raises `DataError`, a line each, where a patient is in two splits or a split has nobody."""
    _given_by_patient(study_ids, patient_ids, splits)
    counts = {split: len({p for p, s in zip(patient_ids, splits, strict=True) if s == split}) for split in SPLITS}
    summary = ", ".join(f"{split} {count}" for split, count in counts.items())
    empty = [split for split, count in counts.items() if not count]
    if empty:
        raise DataError(f"no patient in {' and '.join(empty)} (patients: {summary}); split anew or add patients")


def write_splits(path: Path, study_ids: Sequence[str], patient_ids: Sequence[str], splits: Sequence[Split]) -> None:
    """Writes `splits.csv`, one row per study; a reader of `path` sees the old file or the whole new one."""
    write_table(path, _COLUMNS, zip(study_ids, patient_ids, splits, strict=True))


def read_splits(path: Path) -> dict[str, Split]:
    """The split of every study in a `splits.csv`. Raises `DataError` for a study without one, or listed twice."""
    splits: dict[str, Split] = {}
    for row in read_table(path, required=_COLUMNS).rows:
        study_id = str(row.cells["study_id"])  # to the letter: names of folders may begin or end with a space
        cell = row.text("split")
        split: Split | None = "unused" if cell == "unused" else parse_split(cell, row.at("split"))
        if not study_id or split is None:
            raise DataError(f"{row.where}: a study_id and a split are needed; fill in both")
        if study_id in splits:
            raise DataError(f"{row.at('study_id')}: '{study_id}' is listed twice; keep one row")
        splits[study_id] = split
    return splits


def _given_by_patient(
    study_ids: Sequence[str], patient_ids: Sequence[str], given: Sequence[Split | None]
) -> dict[str, Split | None]:
    by_patient: dict[str, dict[Split, str]] = {}
    for study, patient, split in zip(study_ids, patient_ids, given, strict=True):
        splits = by_patient.setdefault(patient, {})
        if split is not None:
            splits.setdefault(split, study)
    problems = []
    for patient, splits in sorted(by_patient.items()):
        if len(splits) > 1:
            named = ", ".join(f"{split} (study '{study}')" for split, study in splits.items())
            problems.append(f"patient '{patient}' is in {len(splits)} splits: {named}; keep each patient in one")
    if problems:
        raise DataError(problems)
    return {patient: next(iter(splits), None) for patient, splits in by_patient.items()}


def patient_classes(
    patient_ids: Sequence[str], pool: Sequence[str], labels: Float[np.ndarray, "n f"]
) -> Bool[np.ndarray, "p c"]:
    """Which patient of `pool` belongs to which class: positive of each finding, then negative of each."""
    row_of = {patient: row for row, patient in enumerate(pool)}
    members = [i for i, patient in enumerate(patient_ids) if patient in row_of]
    rows = [row_of[patient_ids[i]] for i in members]
    positive = np.zeros((len(pool), labels.shape[1]), dtype=bool)
    negative = np.zeros_like(positive)
    np.logical_or.at(positive, rows, labels[members] == 1)
    np.logical_or.at(negative, rows, labels[members] == 0)
    return np.concatenate([positive, negative & ~positive], axis=1)


def deal(
    classes: Bool[np.ndarray, "p c"],
    shares: Float[np.ndarray, " s"],
    sizes: Int[np.ndarray, " s"],
    rng: np.random.Generator,
) -> Int[np.ndarray, " p"]:
    """The index of a part for each patient: `sizes` patients in each, classes as near to `shares` as they can be."""
    room = sizes.copy()
    counts = classes.sum(axis=0)
    lack = counts[:, None] * shares
    covered = np.zeros(lack.shape, dtype=bool)
    part = np.full(len(classes), -1)
    for patient in _rarest_first(classes, rng):
        classes_of_patient = np.flatnonzero(classes[patient])
        classes_of_patient = classes_of_patient[np.argsort(counts[classes_of_patient], kind="stable")]
        # A part without any patient of these classes comes first, the rarer class counting more; then the part that
        # lacks most of the rarest class, of the next …; then the one with the most room.
        uncovered = (~covered[classes_of_patient] / counts[classes_of_patient, None]).sum(axis=0)
        keys = np.round([uncovered, *lack[classes_of_patient], room], 9)
        chosen = next(s for s in np.lexsort(-keys[::-1]) if room[s] > 0)
        part[patient] = chosen
        room[chosen] -= 1
        lack[classes_of_patient, chosen] -= 1
        covered[classes_of_patient, chosen] = True
    return part


def _rarest_first(classes: Bool[np.ndarray, "p c"], rng: np.random.Generator) -> list[int]:
    """Patients in the order of dealing: those of the class with the fewest left, and so on; last those of none."""
    waiting = rng.permutation(len(classes))
    order: list[int] = []
    while len(waiting):
        counts = classes[waiting].sum(axis=0)
        if not counts.any():
            return order + [int(p) for p in waiting]
        rarest = int(np.argmin(np.where(counts > 0, counts, len(classes) + 1)))
        taken = classes[waiting, rarest]
        order += [int(p) for p in waiting[taken]]
        waiting = waiting[~taken]
    return order


def _sizes(patients: int, shares: Float[np.ndarray, " s"]) -> Int[np.ndarray, " s"]:
    """Patients in each split: within one of what was asked; val and test get one as soon as train keeps one."""
    sizes = np.floor(patients * shares + 0.5).astype(int)
    sizes[1:] = np.maximum(sizes[1:], shares[1:] > 0)
    while sizes[1:].sum() > max(patients - 1, 0):
        sizes[1 + int(np.argmax(sizes[1:]))] -= 1
    sizes[0] = patients - sizes[1:].sum()
    return sizes
