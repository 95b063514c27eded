"""The rows of prediction files side by side; files with other rows are refused, and the first difference is named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from mmdx.errors import DataError, some
from mmdx.files import FOLD, PREDICTION_COLUMNS, SLICE


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows that all arms of a cohort share, with their patients, labels and findings; those of the first arm.

    `keys` names each row: a study, or a study and a slice where `slices` is true. `labels` has one row per key and one
    column per finding, NaN where unknown.
    """

    keys: pd.Index
    findings: tuple[str, ...]
    patients: np.ndarray
    labels: Float[np.ndarray, "n f"]
    slices: bool

    @classmethod
    def of(cls, frame: pd.DataFrame, file: Path) -> Rows:
        """The rows of one showing of a file. Raises `DataError` where a row lacks a finding."""
        keys, findings = _keys(frame).unique(), tuple(frame["finding"].unique())
        patients, labels = _by_row(frame, "patient_id", keys), _grid(frame, "label", keys, findings)
        rows = cls(keys, findings, patients, labels, SLICE in frame)
        rows._check_complete(frame, file)
        return rows

    @property
    def studies(self) -> list[str]:
        """The study of each row."""
        return [key if isinstance(key, str) else key[0] for key in self.keys]

    @property
    def names(self) -> list[str]:
        """A name for each row."""
        return [key if isinstance(key, str) else f"{key[0]} slice {key[1]}" for key in self.keys]

    def scores(self, frame: pd.DataFrame) -> Float[np.ndarray, "n f"]:
        """The scores of a showing that `check` has passed."""
        return _grid(frame, "score", self.keys, self.findings)

    def folds(self, frame: pd.DataFrame) -> Int[np.ndarray, "n"] | None:
        """The fold of each row, numbered from 0, of a showing that `check` has passed; None without several."""
        if FOLD not in frame or frame[FOLD].nunique() < 2:
            return None
        return np.unique(_by_row(frame, FOLD, self.keys), return_inverse=True)[1]

    def check(self, frame: pd.DataFrame, file: Path, pair: tuple[str, str]) -> None:
        """Raises `DataError` where a showing has other rows, patients, labels or findings than these.

        `pair` names the showing, and the arm whose rows these are.
        """
        both = f"'{pair[0]}' and '{pair[1]}'"
        if (SLICE in frame) != self.slices:
            raise DataError(f"{both}: one scores slices, the other studies; compare like with like")
        _same(both, "findings", set(frame["finding"]), set(self.findings))
        _same(both, "slices" if self.slices else "studies", set(_keys(frame).unique()), set(self.keys))
        self._check_complete(frame, file)
        self._check_patients(both, _by_row(frame, "patient_id", self.keys))
        self._check_labels(both, _grid(frame, "label", self.keys, self.findings))

    def _check_complete(self, frame: pd.DataFrame, file: Path) -> None:
        missing = np.argwhere(np.isnan(self.scores(frame)))
        if len(missing):
            named = [f"{self.findings[column]} of {_text(self.keys.tolist()[row])}" for row, column in missing[:4]]
            rest = f" ({len(missing)} in all)" if len(missing) > 3 else ""
            raise DataError(
                f"{file}: has no row for {some(named[:3])}{rest}; score each of them, with an empty label if unknown"
            )

    def _check_patients(self, pair: str, patients: np.ndarray) -> None:
        differ = np.flatnonzero(patients != self.patients)
        if len(differ):
            at, count = differ[0], "1 row" if len(differ) == 1 else f"{len(differ)} rows"
            row = _text(self.keys.tolist()[at])
            raise DataError(
                f"{pair} give {count} to different patients, the first {row}: '{patients[at]}' "
                f"against '{self.patients[at]}'; score them on the same studies"
            )

    def _check_labels(self, pair: str, labels: Float[np.ndarray, "n f"]) -> None:
        differ = np.argwhere((labels != self.labels) & ~(np.isnan(labels) & np.isnan(self.labels)))
        if len(differ):
            row, column = differ[0]
            texts = ("unknown" if np.isnan(x[row, column]) else f"{x[row, column]:g}" for x in (labels, self.labels))
            raise DataError(
                f"{pair} disagree on {len(differ)} label{'' if len(differ) == 1 else 's'}, the first "
                f"{self.findings[column]} of {_text(self.keys.tolist()[row])}: {' against '.join(texts)}; score them "
                "against the same labels"
            )


def by_patient(frame: pd.DataFrame) -> pd.DataFrame:
    """One row per patient: the highest score of its rows, and one label for all of them.

    The label is positive where any row is, else unknown where any row is, else negative. The patient's id takes the
    place of the study's.
    """
    frame = frame.assign(unknown=frame["label"].isna())
    grouped = frame.groupby(["shown", "finding", "patient_id"], sort=False)
    further = {FOLD: (FOLD, "first")} if FOLD in frame else {}
    columns = {"score": ("score", "max"), "label": ("label", "max"), "unknown": ("unknown", "any")} | further
    table = grouped.agg(**columns).reset_index()
    table["label"] = table["label"].where(~table["unknown"] | (table["label"] == 1))
    return table.assign(study_id=table["patient_id"]).loc[:, [*PREDICTION_COLUMNS, *further]]


def _keys(frame: pd.DataFrame) -> pd.Index:
    """The key of each line: the study, and the slice too in slice files."""
    if SLICE in frame:
        return pd.MultiIndex.from_frame(frame.loc[:, ["study_id", SLICE]])
    return pd.Index(frame["study_id"])


def _by_row(frame: pd.DataFrame, column: str, rows: pd.Index) -> np.ndarray:
    """A column that is the same in all lines of a row."""
    values = np.empty(len(rows), dtype=object)
    values[rows.get_indexer(_keys(frame))] = frame[column].to_numpy(dtype=object)
    return values


def _grid(frame: pd.DataFrame, column: str, rows: pd.Index, findings: Sequence[str]) -> Float[np.ndarray, "n f"]:
    """A column as rows by findings, NaN where the file has no line."""
    grid = np.full((len(rows), len(findings)), np.nan)
    grid[rows.get_indexer(_keys(frame)), pd.Index(findings).get_indexer(pd.Index(frame["finding"]))] = frame[column]
    return grid


def _same(pair: str, what: str, keys: set, expected: set) -> None:
    odd = sorted(keys ^ expected)
    if odd:
        verb = "is" if len(odd) == 1 else "are"
        raise DataError(
            f"{pair} do not stand on the same {what}: {len(odd)} {verb} in one of them only, the first {_text(odd[0])} "
            f"({len(keys)} against {len(expected)}); score them on the same ones"
        )


def _text(key: str | tuple[str, str]) -> str:
    return f"'{key}'" if isinstance(key, str) else f"'{key[0]}' slice '{key[1]}'"
