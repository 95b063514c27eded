"""What each of several readers said of the rows of a comparison, read from a run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float

from mmdx.errors import DataError
from mmdx.files import PREDICTIONS, READINGS
from mmdx.stats.cohort.cohort import Cohort
from mmdx.stats.cohort.predictions import read_text

_COLUMNS = ("study_id", "patient_id", "reader", "finding", "label")


def readings_path(predictions: Path) -> Path | None:
    """The readings of the run that a file of predictions lies in; None where it lies in none, or has none."""
    if predictions.parent.name != PREDICTIONS:
        return None
    path = predictions.parent.parent / READINGS
    return path if path.is_file() else None


def read_readings(path: Path, cohort: Cohort) -> dict[str, Float[np.ndarray, "n f"]]:
    """By reader 1 or 0 for each row and finding of a cohort of studies, NaN where nobody said.

    Raises `DataError` for a label that is none and for a reading that stands twice.
    """
    table = read_text(path, _COLUMNS)
    bad = table.loc[~table["label"].isin(["0", "1"])]
    if len(bad):
        raise DataError(f"{path}: line {bad.index[0] + 2}: label is '{bad['label'].iloc[0]}'; give 1 or 0")
    twice = table.loc[table.duplicated(["study_id", "reader", "finding"])]
    if len(twice):
        raise DataError(f"{path}: line {twice.index[0] + 2}: this reader has said of this finding before; keep one row")
    found = {}
    for reader, part in table.groupby("reader", sort=True):
        grid = part.assign(label=pd.to_numeric(part["label"])).pivot(
            index="study_id", columns="finding", values="label"
        )
        found[str(reader)] = grid.reindex(index=list(cohort.names), columns=list(cohort.findings)).to_numpy(dtype=float)
    return found
