"""The prediction file: what a model said about each study, and the label that it is held against.

CSV, UTF-8, one row a study and finding (a slice and finding in slice files), with the columns

    study_id, patient_id, shown, finding, label, score        and `slice` in slice files

`shown` names the modalities that the model saw, joined by `+` (`ct+report`, `ct`). `label` is 1, 0 or empty (nobody
looked); `score` a probability. Identifiers are text: `007` stays `007`. Further columns may follow and are not read.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from mmdx.errors import DataError, did_you_mean

COLUMNS = ("study_id", "patient_id", "shown", "finding", "label", "score")
SLICE = "slice"


def read_predictions(path: Path) -> pd.DataFrame:
    """The rows of a prediction file, checked: `COLUMNS` (and `slice`), text but for label and score, which are floats.

    An unknown label is NaN. Raises `DataError` naming the file, the line and the column of the first fault: a missing
    or unreadable file, a missing column, an empty field, a label other than 1, 0 or empty, a score that is no
    probability, a row given twice, a study under two patients.
    """
    raw = read_text(path, COLUMNS)
    if raw.empty:
        raise DataError(f"{path}: no rows below the header; score at least one study")
    names = [column for column in (*COLUMNS[:4], SLICE) if column in raw.columns]
    for column in names:
        refuse(path, raw, raw[column].to_numpy() == "", f"{column} is empty; every row needs one")
    frame = raw.loc[:, names].copy()
    frame["label"] = _labels(path, raw)
    frame["score"] = _scores(path, raw)
    _check_rows(path, frame)
    return frame.loc[:, [*COLUMNS, SLICE] if SLICE in names else list(COLUMNS)]


def read_text(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """Every field as text; row i stands on line i + 2 of the file.

    Raises `DataError` where the file cannot be read, or lacks one of `columns`.
    """
    try:
        raw = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig", skip_blank_lines=False)
    except FileNotFoundError:
        raise DataError(f"{path}: no such prediction file; 'mmdx evaluate RUN' writes one") from None
    except pd.errors.EmptyDataError:
        raise DataError(f"{path}: the file is empty; expected the columns {', '.join(columns)}") from None
    except (OSError, UnicodeDecodeError, pd.errors.ParserError) as error:
        reason = " ".join(str(error).split())
        raise DataError(f"{path}: cannot be read as UTF-8 CSV ({reason}); write it again") from None
    # pandas takes the first column for row names when every row has one field more than the header: all would shift.
    if not isinstance(raw.index, pd.RangeIndex):
        raise DataError(f"{path}: the rows have more fields than the header has columns; name every column")
    for column in columns:
        if column not in raw.columns:
            raise DataError(f"{path}: no column '{column}'; {did_you_mean(column, raw.columns)}")
    return raw.fillna("")


def _labels(path: Path, raw: pd.DataFrame) -> Float[np.ndarray, "n"]:
    labels = np.asarray(pd.to_numeric(raw["label"], errors="coerce"), dtype=np.float64)
    bad = (raw["label"].to_numpy() != "") & ~np.isin(labels, [0.0, 1.0])
    refuse(path, raw, bad, "label is '{label}'; give 1, 0 or nothing")
    return labels


def _scores(path: Path, raw: pd.DataFrame) -> Float[np.ndarray, "n"]:
    scores = np.asarray(pd.to_numeric(raw["score"], errors="coerce"), dtype=np.float64)
    refuse(path, raw, ~((scores >= 0) & (scores <= 1)), "score is '{score}'; give a probability from 0 to 1")
    return scores


def _check_rows(path: Path, frame: pd.DataFrame) -> None:
    keys = [column for column in ("study_id", SLICE, "shown", "finding") if column in frame.columns]
    row = ", ".join(f"{key} '{{{key}}}'" for key in keys)
    refuse(path, frame, frame.duplicated(keys).to_numpy(), f"{row} is given twice; keep one row")
    other = frame["patient_id"] != frame.groupby("study_id")["patient_id"].transform("first")
    problem = "study '{study_id}' is of patient '{patient_id}' here and of another above; keep one"
    refuse(path, frame, other.to_numpy(), problem)


def refuse(path: Path, frame: pd.DataFrame, bad: Bool[np.ndarray, "n"], problem: str) -> None:
    """Raises `DataError` at the first bad row, `{column}` in `problem` standing for its values."""
    if not bad.any():
        return
    first, more = int(bad.argmax()), int(bad.sum()) - 1
    row = {str(column): cell for column, cell in frame.iloc[first].items()}
    tail = f" ({more} more such row{'s' if more > 1 else ''})" if more else ""
    raise DataError(f"{path}: line {first + 2}: {problem.format(**row)}{tail}")
