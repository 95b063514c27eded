"""What one training scored, and what the validation rows of a file choose for the rows of a cohort."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from scipy.special import expit

from mmdx.errors import DataError, some
from mmdx.files import FOLD
from mmdx.sections import OperatingPoint
from mmdx.stats.cohort.align import Rows, by_patient
from mmdx.stats.cohort.predictions import read_predictions
from mmdx.stats.cohort.sources import Source, Unit
from mmdx.stats.metrics.calibration import fit_temperature, log_odds
from mmdx.stats.metrics.thresholds import choose_threshold, threshold_reaching

FEWEST_ROWS = 10
"""Known validation rows of a finding, of both classes, below which they choose neither threshold nor temperature."""


@dataclass(frozen=True)
class Scored:
    """The scores of one training by row and finding, with the thresholds and temperatures that validation rows chose.

    A score at or above its threshold is a yes (Youden's J); its log-odds divided by its temperature are calibrated.
    Both are the same for all rows of a training, or of a fold, and NaN without validation rows. `folds` numbers the
    model that scored each row, from 0; None where one model scored them all. `operating` are the thresholds of the
    stated operating point, for the scores as they are; None where none was stated.
    """

    scores: Float[np.ndarray, "n f"]
    thresholds: Float[np.ndarray, "n f"]
    temperatures: Float[np.ndarray, "n f"]
    folds: Int[np.ndarray, "n"] | None = None
    operating: Float[np.ndarray, "n f"] | None = None

    @cached_property
    def calibrated(self) -> Float[np.ndarray, "n f"]:
        """The scores with their log-odds divided by their temperatures; NaN where there is none."""
        return expit(log_odds(self.scores) / self.temperatures)

    @property
    def acted_on(self) -> Float[np.ndarray, "n f"]:
        """The thresholds at which a score is acted on: those of the operating point, else Youden's."""
        return self.thresholds if self.operating is None else self.operating

    def finding(self, column: int, rows: np.ndarray) -> tuple[Float[np.ndarray, "m"], Int[np.ndarray, "m"] | None]:
        """The scores of some rows for one finding, and their folds."""
        return self.scores[rows, column], self.folds_at(rows)

    def folds_at(self, rows: np.ndarray) -> Int[np.ndarray, "m"] | None:
        """The folds of some rows, by their places or by a mask."""
        return None if self.folds is None else self.folds[rows]


@dataclass(frozen=True, eq=False)
class Piece:
    """The rows of one file for one showing."""

    source: Source
    file: Path
    shown: str
    frame: pd.DataFrame

    @property
    def folds(self) -> int:
        """How many models scored the rows."""
        return self.frame[FOLD].nunique() if FOLD in self.frame else 1


class Choices:
    """What the validation rows of each file choose for the rows of the cohort. Every file is read once."""

    def __init__(
        self,
        rows: Rows,
        unit: Unit | None,
        folds: Mapping[Path, Sequence[int | None]],
        point: OperatingPoint | None = None,
    ) -> None:
        self._rows, self._unit, self._folds, self._point = rows, unit, folds, point
        self._read: dict[Path, Mapping[int | None, pd.DataFrame]] = {}

    def scored(self, piece: Piece) -> Scored:
        folds = self._folds[piece.source.file]
        if piece.file not in self._read:
            files = piece.source.validation(piece.file)
            frames = _read_choices(piece.source, files, self._rows.patients.tolist(), folds)
            self._read[piece.file] = {f: by_patient(x) if self._unit == "patient" else x for f, x in frames.items()}
        thresholds, temperatures, operating = _chosen(
            self._read[piece.file], piece.shown, self._rows.findings, folds, self._point
        )
        scores, of_rows = self._rows.scores(piece.frame), self._rows.folds(piece.frame)
        stated = None if self._point is None else operating
        return Scored(scores, thresholds, temperatures, of_rows, stated)


def _read_choices(
    source: Source, files: Mapping[int | None, Path], patients: Sequence[str], folds: Sequence[int | None]
) -> dict[int | None, pd.DataFrame]:
    """The validation rows by fold. Raises `DataError` where one of their patients is scored in the same fold."""
    frames = {}
    for fold, path in files.items():
        frames[fold] = read_predictions(path, shown=source.shown or source.name)
        scored = {patient for patient, number in zip(patients, folds, strict=True) if number == fold}
        # Ids of two cohorts name nobody in common: who of the one stands in the other was looked for before.
        both = [] if source.of_second_cohort else sorted(scored & set(frames[fold]["patient_id"]))
        if both:
            raise DataError(
                f"{path}: its patients {some([f'{patient!r}' for patient in both])} are among those that are scored, "
                "and would choose their own thresholds; score the run on other patients than it validated on"
            )
    return frames


def _chosen(
    frames: Mapping[int | None, pd.DataFrame],
    shown: str,
    findings: Sequence[str],
    folds: Sequence[int | None],
    point: OperatingPoint | None,
) -> tuple[Float[np.ndarray, "n f"], Float[np.ndarray, "n f"], Float[np.ndarray, "n f"]]:
    """The threshold (Youden's J), the temperature, and the threshold of the operating point of each row and finding.

    NaN where validation cannot choose; an operating point that is a threshold then holds for the scores as they are.
    """
    thresholds = np.full((len(folds), len(findings)), np.nan)
    temperatures = np.full_like(thresholds, np.nan)
    operating = np.full_like(thresholds, np.nan if point is None or point.threshold is None else point.threshold)
    for fold, frame in frames.items():
        rows = np.array([number == fold for number in folds])
        for column, finding in enumerate(findings):
            known = _enough(frame, shown, finding)
            if known is not None:
                thresholds[rows, column] = choose_threshold(*known)
                temperature = temperatures[rows, column] = fit_temperature(*known)
                if point is not None:
                    operating[rows, column] = _operating(point, known, temperature)
    return thresholds, temperatures, operating


def _operating(
    point: OperatingPoint, known: tuple[Float[np.ndarray, "n"], Float[np.ndarray, "n"]], temperature: float
) -> float:
    """The threshold of the scores as they are."""
    name, value = point.of
    if name == "threshold":  # of the calibrated scores
        return float(expit(log_odds(np.array([value]))[0] * temperature))
    return threshold_reaching(*known, least=value, of_positives=name == "sensitivity")


def thresholds_for(path: Path, shown: str, findings: Sequence[str]) -> dict[str, float]:
    """The threshold of each finding that a file of validation rows chooses for what was `shown`; those alone of which
    it can."""
    frame = read_predictions(path)
    known = {finding: _enough(frame, shown, finding) for finding in findings}
    return {finding: float(choose_threshold(*rows)) for finding, rows in known.items() if rows is not None}


def _enough(
    frame: pd.DataFrame, shown: str, finding: str
) -> tuple[Float[np.ndarray, "n"], Float[np.ndarray, "n"]] | None:
    """The known labels of a finding and their scores; None where they can choose nothing."""
    labelled = frame.loc[(frame["shown"] == shown) & (frame["finding"] == finding)].dropna(subset=["label"])
    labels, scores = labelled["label"].to_numpy(dtype=float), labelled["score"].to_numpy(dtype=float)
    return (labels, scores) if len(labels) >= FEWEST_ROWS and len(np.unique(labels)) == 2 else None
