"""What validation rows choose for test rows: a threshold and a temperature for each finding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float

from mmdx.errors import DataError, some
from mmdx.stats.cohort.predictions import read_predictions
from mmdx.stats.metrics.calibration import fit_temperature
from mmdx.stats.metrics.thresholds import choose_threshold

FEWEST_ROWS = 10
"""Known validation rows of a finding, of both classes, below which nothing is chosen."""


def read_choices(
    files: Mapping[int | None, Path], patients: Sequence[str], folds: Sequence[int | None]
) -> dict[int | None, pd.DataFrame]:
    """The validation rows by fold. Raises `DataError` where a patient of theirs is among the rows of that fold."""
    frames = {}
    for fold, path in files.items():
        frames[fold] = read_predictions(path)
        scored = {patient for patient, own in zip(patients, folds, strict=True) if own == fold}
        both = sorted(scored & set(frames[fold]["patient_id"]))
        if both:
            raise DataError(
                f"{path}: its patients {some([f'{patient!r}' for patient in both])} are among those that are scored, "
                "and would choose their own thresholds; score the run on other patients than it validated on"
            )
    return frames


def chosen(
    frames: Mapping[int | None, pd.DataFrame], shown: str, findings: Sequence[str], folds: Sequence[int | None]
) -> tuple[Float[np.ndarray, "n f"], Float[np.ndarray, "n f"]]:
    """The threshold (Youden's J) and the temperature of each row and finding, NaN where validation cannot choose."""
    thresholds = np.full((len(folds), len(findings)), np.nan)
    temperatures = np.full_like(thresholds, np.nan)
    for fold, frame in frames.items():
        rows = np.array([own == fold for own in folds])
        for column, finding in enumerate(findings):
            known = frame.loc[(frame["shown"] == shown) & (frame["finding"] == finding)].dropna(subset=["label"])
            labels, scores = known["label"].to_numpy(dtype=float), known["score"].to_numpy(dtype=float)
            if len(labels) >= FEWEST_ROWS and len(np.unique(labels)) == 2:
                thresholds[rows, column] = choose_threshold(labels, scores)
                temperatures[rows, column] = fit_temperature(labels, scores)
    return thresholds, temperatures
