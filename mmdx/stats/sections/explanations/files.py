"""The file of checked explanations: one row per study, finding, method and measure, beside what chance gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from mmdx.stats.cohort.predictions import read_text, refuse

COLUMNS = ("study_id", "patient_id", "finding", "method", "measure", "value", "chance")
MEASURES = ("deletion", "insertion", "removal", "hit", "randomised")


def explanations_path(predictions: Path) -> Path:
    """Where the checked explanations of a file of predictions lie."""
    return predictions.with_name(f"{predictions.stem}_explanations.csv")


def read_explanations(path: Path) -> pd.DataFrame:
    """The rows of a file. Raises `DataError` for a measure that is none and for a value outside of 0 to 1."""
    raw = read_text(path, COLUMNS)
    refuse(path, raw, ~raw["measure"].isin(MEASURES).to_numpy(), "measure is '{measure}'")
    table = raw.assign(**{name: pd.to_numeric(raw[name], errors="coerce") for name in ("value", "chance")})
    for name in ("value", "chance"):
        bad = ~np.asarray(table[name].between(0, 1))
        refuse(path, raw, bad, f"{name} is '{{{name}}}'; it must be a number from 0 to 1")
    return table
