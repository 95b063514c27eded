"""Box files: what was found, and what is known; CSV, UTF-8.

`*_boxes.csv` has one row per box that was found: `study_id, patient_id, shown, finding, slice, x0, y0, x1, y1, score`.
`*_boxes_truth.csv` has one row per true box: the same without `shown` and `score`; a row without corners says that this
slice has none of the finding. A slice and finding without a row there are unknown: what is found there counts neither
way.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from mmdx.files import BOXES, BOXES_TRUTH, CORNERS
from mmdx.stats.cohort.predictions import read_text, refuse

TRUTH = ("study_id", "patient_id", "finding", "slice", *CORNERS)
FOUND = (*TRUTH[:2], "shown", *TRUTH[2:], "score")


def read_found(path: Path) -> pd.DataFrame:
    """The boxes that were found. Raises `DataError`, as `read_predictions` does, at the first fault of the file."""
    raw = read_text(path, FOUND)
    frame = _checked(path, raw, FOUND, empty=False)
    refuse(path, raw, ~np.asarray(frame["score"].between(0, 1)), "score is '{score}'; give 0 to 1")
    return frame


def read_truth(path: Path) -> pd.DataFrame:
    """What is known; corners are NaN where a slice has no box. Raises `DataError` at the first fault of the file."""
    return _checked(path, read_text(path, TRUTH), TRUTH, empty=True)


def truth_of(path: Path) -> Path:
    """The truth that lies beside a file of boxes: `test_boxes.csv` has `test_boxes_truth.csv`."""
    return path.with_name(f"{path.stem.partition(BOXES)[0]}{BOXES_TRUTH}.csv")


def _checked(path: Path, raw: pd.DataFrame, columns: tuple[str, ...], *, empty: bool) -> pd.DataFrame:
    frame = raw.loc[:, list(columns)].copy()
    for column in ("study_id", "patient_id", "finding"):
        refuse(path, raw, (raw[column] == "").to_numpy(), f"{column} is empty; every row needs one")
    numbers = [*CORNERS, "slice", *(["score"] if "score" in columns else [])]
    for column in numbers:
        frame[column] = np.asarray(pd.to_numeric(raw[column], errors="coerce"), dtype=np.float64)
    places = frame["slice"].to_numpy()
    refuse(path, raw, ~((places >= 0) & (places == np.floor(places))), "slice is '{slice}'; give a whole number from 0")
    frame["slice"] = places.astype(np.int64)
    low, high = frame[list(CORNERS[:2])].to_numpy(), frame[list(CORNERS[2:])].to_numpy()
    complete = np.isfinite(low).all(axis=1) & (high >= low).all(axis=1)
    without_box = (raw.loc[:, list(CORNERS)].to_numpy() == "").all(axis=1) & empty
    refuse(path, raw, ~(complete | without_box), "corners are {x0}, {y0}, {x1}, {y1}; give x0 <= x1 and y0 <= y1")
    return frame
