"""Rows of prediction files side by side: what does not stand on the same ones is refused, by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float

from mmdx.errors import DataError, some
from mmdx.stats.cohort.predictions import COLUMNS, SLICE


@dataclass(frozen=True, eq=False)
class Ground:
    """What all arms of a cohort stand on: the rows of the first one (`keys`: a study, or a study and a slice), their
    patients and labels, and the findings."""

    keys: pd.Index
    findings: tuple[str, ...]
    patients: np.ndarray
    labels: Float[np.ndarray, "n f"]
    slices: bool

    @classmethod
    def of(cls, frame: pd.DataFrame, file: Path) -> Ground:
        """The ground of one showing of a file. Raises `DataError` where a row has no line for a finding."""
        keys, findings = _keys(frame).unique(), tuple(frame["finding"].unique())
        ground = cls(keys, findings, _patients(frame, keys), _grid(frame, "label", keys, findings), SLICE in frame)
        ground._check_complete(frame, file)
        return ground

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

    def check(self, frame: pd.DataFrame, file: Path, pair: tuple[str, str]) -> None:
        """Raises `DataError` where a showing stands on other rows, patients, labels or findings than this.

        `pair` names it, and whose ground this is.
        """
        told = f"'{pair[0]}' and '{pair[1]}'"
        if (SLICE in frame) != self.slices:
            raise DataError(f"{told}: one scores slices, the other studies; compare like with like")
        _same(told, "findings", set(frame["finding"]), set(self.findings))
        _same(told, "slices" if self.slices else "studies", set(_keys(frame).unique()), set(self.keys))
        self._check_complete(frame, file)
        self._check_patients(told, _patients(frame, self.keys))
        self._check_labels(told, _grid(frame, "label", self.keys, self.findings))

    def _check_complete(self, frame: pd.DataFrame, file: Path) -> None:
        missing = np.argwhere(np.isnan(self.scores(frame)))
        if len(missing):
            named = [f"{self.findings[column]} of {_text(self.keys.tolist()[row])}" for row, column in missing[:4]]
            rest = f" ({len(missing)} in all)" if len(missing) > 3 else ""
            raise DataError(
                f"{file}: has no row for {some(named[:3])}{rest}; score each of them, with an empty label if unknown"
            )

    def _check_patients(self, pair: str, found: np.ndarray) -> None:
        differ = np.flatnonzero(found != self.patients)
        if len(differ):
            at, count = differ[0], "1 row" if len(differ) == 1 else f"{len(differ)} rows"
            raise DataError(
                f"{pair} give {count} to different patients, the first {_text(self.keys.tolist()[at])}: '{found[at]}' "
                f"against '{self.patients[at]}'; score them on the same studies"
            )

    def _check_labels(self, pair: str, found: Float[np.ndarray, "n f"]) -> None:
        differ = np.argwhere((found != self.labels) & ~(np.isnan(found) & np.isnan(self.labels)))
        if len(differ):
            row, column = differ[0]
            told = ("unknown" if np.isnan(x[row, column]) else f"{x[row, column]:g}" for x in (found, self.labels))
            raise DataError(
                f"{pair} disagree on {len(differ)} label{'' if len(differ) == 1 else 's'}, the first "
                f"{self.findings[column]} of {_text(self.keys.tolist()[row])}: {' against '.join(told)}; score them "
                "against the same labels"
            )


def by_patient(frame: pd.DataFrame) -> pd.DataFrame:
    """A row a patient: the highest score of its rows; positive where one is, else unknown where one is, else negative.

    The patient's id stands for the study's.
    """
    frame = frame.assign(unknown=frame["label"].isna())
    grouped = frame.groupby(["shown", "finding", "patient_id"], sort=False)
    table = grouped.agg(score=("score", "max"), label=("label", "max"), unknown=("unknown", "any")).reset_index()
    table["label"] = table["label"].where(~table["unknown"] | (table["label"] == 1))
    return table.assign(study_id=table["patient_id"]).loc[:, list(COLUMNS)]


def _keys(frame: pd.DataFrame) -> pd.Index:
    """What tells the row of each line: the study, and the slice in slice files."""
    if SLICE in frame:
        return pd.MultiIndex.from_frame(frame.loc[:, ["study_id", SLICE]])
    return pd.Index(frame["study_id"])


def _patients(frame: pd.DataFrame, rows: pd.Index) -> np.ndarray:
    patients = np.empty(len(rows), dtype=object)
    patients[rows.get_indexer(_keys(frame))] = frame["patient_id"].to_numpy(dtype=object)
    return patients


def _grid(frame: pd.DataFrame, column: str, rows: pd.Index, findings: Sequence[str]) -> Float[np.ndarray, "n f"]:
    """A column as rows by findings, NaN where the file has no line."""
    grid = np.full((len(rows), len(findings)), np.nan)
    grid[rows.get_indexer(_keys(frame)), pd.Index(findings).get_indexer(pd.Index(frame["finding"]))] = frame[column]
    return grid


def _same(pair: str, what: str, found: set, expected: set) -> None:
    odd = sorted(found ^ expected)
    if odd:
        verb = "is" if len(odd) == 1 else "are"
        raise DataError(
            f"{pair} do not stand on the same {what}: {len(odd)} {verb} in one of them only, the first {_text(odd[0])} "
            f"({len(found)} against {len(expected)}); score them on the same ones"
        )


def _text(key: str | tuple[str, str]) -> str:
    return f"'{key}'" if isinstance(key, str) else f"'{key[0]}' slice '{key[1]}'"
