"""The prediction file: what a model said about each study, and the label that it is held against.

CSV, UTF-8, one row per study and finding (per slice and finding in slice files), with the columns

    study_id, patient_id, shown, finding, label, score        and `slice` in slice files, `fold` in out-of-fold ones

`shown` names the modalities that the model saw, joined by `+` (`ct+report`, `ct`); a file of one model without withheld
modalities may leave it out. `label` is 1, 0 or empty (nobody
looked); `score` a number from 0 to 1. `fold` says which model of a cross-validation scored the row: one that never
saw its patient. Identifiers and folds are text: `007` stays `007`. Further columns may follow and are not read.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from mmdx.errors import DataError, did_you_mean, refuse_lack
from mmdx.files import FOLD, PREDICTION_COLUMNS, SLICE
from mmdx.strangers.bounded import regular
from mmdx.strangers.cells import text_of


def read_predictions(path: Path, *, shown: str | None = None) -> pd.DataFrame:
    """The rows of a prediction file, checked: the columns `PREDICTION_COLUMNS`, `slice` and `fold` where it has them.

    A file without a column `shown` is one arm, which is called by `shown`, or where that is None like the file.
    Label and score are floats, all else text; an unknown label is NaN. Raises `DataError` naming the file, the line and
    the column of the first fault: a missing or unreadable file, a missing column, an empty field, a label other than 1,
    0 or empty, a score that is no probability, a row given twice, a study under two patients, a patient in two
    folds.
    """
    text = read_text(path, [column for column in PREDICTION_COLUMNS if column != "shown"])
    if "shown" not in text.columns:
        text["shown"] = shown or path.stem
    for column in PREDICTION_COLUMNS[:4]:
        text[column] = text[column].map(text_of)
    return _checked(path, text)


def check_table(table: pd.DataFrame, origin: str, *, shown: str | None = None) -> pd.DataFrame:
    """The rows of a table in memory, checked by the rules of `read_predictions` and in its form.

    Identifiers become text, and so 7 the same as `7`. A table without a column `shown` is one arm, which is called by
    `shown`. Raises `DataError` with the `origin` of the table and the row of the first fault, counted from 1.
    """
    text = table.astype(object).where(table.notna(), "").reset_index(drop=True)
    if "shown" not in text.columns and shown is not None:
        text["shown"] = shown
    missing = [column for column in PREDICTION_COLUMNS if column not in text.columns]
    if missing:
        named = f"column{'' if len(missing) == 1 else 's'} {', '.join(missing)}"
        alone = "; or give tables by name, each one arm: {'model': table}" if missing == ["shown"] else ""
        held = ", ".join(map(str, table.columns)) or "none"
        raise DataError(f"{origin}: no {named}; its columns are: {held}{alone}")
    for column in (*PREDICTION_COLUMNS[:4], SLICE, FOLD):
        if column in text.columns:
            text[column] = text[column].map(str)
    return _checked(origin, text)


def _checked(path: Path | str, raw: pd.DataFrame) -> pd.DataFrame:
    if raw.empty:
        raise DataError(f"{path}: no rows below the header; score at least one study")
    further = [column for column in (SLICE, FOLD) if column in raw.columns]
    names = [*PREDICTION_COLUMNS[:4], *further]
    for column in names:
        refuse(path, raw, raw[column].to_numpy() == "", f"{column} is empty; every row needs one")
    frame = raw.loc[:, names].copy()
    frame["label"] = _labels(path, raw)
    frame["score"] = _scores(path, raw)
    _check_rows(path, frame)
    return frame.loc[:, [*PREDICTION_COLUMNS, *further]]


def read_text(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """Every field as text; row i stands on line i + 2 of the file.

    Raises `DataError` where the file cannot be read, or lacks one of `columns`.
    """
    try:
        raw = pd.read_csv(regular(path), dtype=str, keep_default_na=False, encoding="utf-8-sig", skip_blank_lines=False)
    except FileNotFoundError:
        raise DataError(f"{path}: no such prediction file; 'mmdx evaluate RUN' writes one") from None
    except pd.errors.EmptyDataError:
        raise DataError(f"{path}: the file is empty; expected the columns {', '.join(columns)}") from None
    except (OSError, ValueError, MemoryError, pd.errors.ParserError) as error:
        refuse_lack(error, path)
        reason = " ".join(str(error).split())
        raise DataError(f"{path}: cannot be read as UTF-8 CSV ({reason}); write it again") from None
    # pandas takes the first column for row names when every row has one field more than the header: all would shift.
    if not isinstance(raw.index, pd.RangeIndex):
        raise DataError(f"{path}: the rows have more fields than the header has columns; name every column")
    missing = [column for column in columns if column not in raw.columns]
    if missing:
        more = f", nor {', '.join(repr(column) for column in missing[1:])}" if missing[1:] else ""
        raise DataError(f"{path}: no column '{missing[0]}'{more}; {did_you_mean(missing[0], raw.columns)}")
    return raw.fillna("")


def _labels(path: Path | str, raw: pd.DataFrame) -> Float[np.ndarray, "n"]:
    labels = np.asarray(pd.to_numeric(raw["label"], errors="coerce"), dtype=np.float64)
    bad = (raw["label"].to_numpy() != "") & ~np.isin(labels, [0.0, 1.0])
    refuse(path, raw, bad, "label is '{label}'; give 1, 0 or nothing")
    return labels


def _scores(path: Path | str, raw: pd.DataFrame) -> Float[np.ndarray, "n"]:
    scores = np.asarray(pd.to_numeric(raw["score"], errors="coerce"), dtype=np.float64)
    refuse(path, raw, ~((scores >= 0) & (scores <= 1)), "score is '{score}'; give a number from 0 to 1")
    return scores


def _check_rows(path: Path | str, frame: pd.DataFrame) -> None:
    keys = [column for column in ("study_id", SLICE, "shown", "finding") if column in frame.columns]
    row = ", ".join(f"{key} '{{{key}}}'" for key in keys)
    refuse(path, frame, frame.duplicated(keys).to_numpy(), f"{row} is given twice; keep one row")
    other = frame["patient_id"] != frame.groupby("study_id")["patient_id"].transform("first")
    problem = "study '{study_id}' is of patient '{patient_id}' here and of another above; keep one"
    refuse(path, frame, other.to_numpy(), problem)
    if FOLD in frame.columns:
        elsewhere = frame[FOLD] != frame.groupby(["shown", "patient_id"])[FOLD].transform("first")
        problem = "patient '{patient_id}' is in fold '{fold}' here and in another above; deal folds by patient"
        refuse(path, frame, elsewhere.to_numpy(), problem)


def refuse(path: Path | str, frame: pd.DataFrame, bad: Bool[np.ndarray, "n"], problem: str) -> None:
    """Raises `DataError` at the first bad row, `{column}` in `problem` standing for its values.

    `path` is a file, of which the line is named, or the name of a table, of which the row is.
    """
    if not bad.any():
        return
    first, more = int(bad.argmax()), int(bad.sum()) - 1
    row = {str(column): cell for column, cell in frame.iloc[first].items()}
    tail = f" ({more} more such row{'s' if more > 1 else ''})" if more else ""
    place = f"{path}: line {first + 2}" if isinstance(path, Path) else f"{path}, row {first + 1}"
    raise DataError(f"{place}: {problem.format(**row)}{tail}")
