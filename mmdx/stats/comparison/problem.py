"""What is summed over the rows of a binary problem, and where the sums of all problems lie in one matrix.

In shapes, n is the number of rows, f of findings, p of patients, and c of columns that are summed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from mmdx.stats.cohort.choices import Scored
from mmdx.stats.metrics.calibration import BINS, EXPANDED, Expansion, gaps
from mmdx.stats.metrics.folds import Folds, Ladders
from mmdx.stats.metrics.ranking import sums_by
from mmdx.stats.metrics.registry import answers, surprises


class Summed(NamedTuple):
    """The columns that are summed over the rows of one problem, by name: `bins` are those of the calibration error,
    `curve` those of an `Expansion` of the calibration curve."""

    log_loss: int = 0
    squares: int = 1
    true_yes: int = 2
    false_yes: int = 3
    bins: slice = slice(4, 4 + BINS)
    curve: slice = slice(4 + BINS, 4 + BINS + EXPANDED)
    width: int = 4 + BINS + EXPANDED


SUMMED = Summed()


@dataclass(frozen=True)
class Layout:
    """Where columns lie in the matrix of sums by patient, which has one row per patient.

    First come the positive rows of each finding, then the negative ones, which are the same for all trainings. Then
    comes one block per training: `SUMMED` for every finding and, where there are several findings, the curve of all
    together. All other sums over several findings are those of each, added up, and need no columns.
    """

    findings: int
    trainings: int

    @property
    def classes(self) -> slice:
        return slice(0, 2 * self.findings)

    @property
    def pooled(self) -> int:
        """The columns of a training that belong to all findings together."""
        return EXPANDED if self.findings > 1 else 0

    @property
    def width(self) -> int:
        return self.classes.stop + self.trainings * (self.findings * SUMMED.width + self.pooled)

    def block(self, training: int, problem: int) -> slice:
        """The columns of a finding of a training; the problem after the last finding is all of them together."""
        size = self.findings * SUMMED.width + self.pooled
        start = self.classes.stop + training * size + problem * SUMMED.width
        return slice(start, start + (SUMMED.width if problem < self.findings else self.pooled))


@dataclass(frozen=True)
class Problem:
    """A binary problem: the known labels of one finding, or of all findings together, and what a training answers.

    `answers` is 1 for a score at or above its threshold, 0 below it, and NaN without a threshold; `patients` gives the
    patient of each row, `folds` its fold where there are several.
    """

    labels: Float[np.ndarray, "n"]
    scores: Float[np.ndarray, "n"]
    answers: Float[np.ndarray, "n"]
    patients: Int[np.ndarray, "n"]
    folds: Folds = None

    @cached_property
    def answered(self) -> bool:
        """Whether every row has a threshold."""
        return not np.isnan(self.answers).any()

    def ladders(self, patients: int, dtype: np.dtype) -> Ladders:
        """The rows in the order of their scores, for weights of so many patients."""
        return Ladders(self.labels, self.scores, self.folds, self.patients, (patients, dtype))

    def by_patient(self, columns: Float[np.ndarray, "n c"], patients: int) -> Float[np.ndarray, "p c"]:
        """Columns of rows, added up by patient."""
        return sums_by(self.patients, np.arange(len(columns)), (patients, len(columns)), np.dtype(np.float64)) @ columns

    def summed(self, fit: Expansion) -> Float[np.ndarray, "n 26"]:
        """What each row adds to the sums, in the columns of `SUMMED`; `fit` is the calibration curve of all rows."""
        yes, positive = self.answers == 1, self.labels == 1
        columns = np.empty((len(self.labels), SUMMED.width))
        columns[:, SUMMED.log_loss] = surprises(self.labels, self.scores)
        columns[:, SUMMED.squares] = (self.scores - self.labels) ** 2
        columns[:, SUMMED.true_yes] = yes & positive
        columns[:, SUMMED.false_yes] = yes & ~positive
        columns[:, SUMMED.bins] = gaps(self.labels, self.scores)
        columns[:, SUMMED.curve] = fit.columns
        return columns


def problems_of(labels: Float[np.ndarray, "n f"], scored: Scored, patients: Int[np.ndarray, "n"]) -> list[Problem]:
    """One problem per finding, then one of all findings together where there are several."""
    yes = answers(scored.scores, scored.thresholds)

    def of(cells: Bool[np.ndarray, "n f"]) -> Problem:
        column, row = np.nonzero(cells.T)
        folds = None if scored.folds is None else scored.folds[row]
        return Problem(labels[row, column], scored.scores[row, column], yes[row, column], patients[row], folds)

    labelled, findings = ~np.isnan(labels), np.arange(labels.shape[1])
    problems = [of(labelled & (findings == f)) for f in findings]
    return problems if len(problems) == 1 else [*problems, of(labelled)]
