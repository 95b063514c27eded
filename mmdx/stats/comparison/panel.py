"""All metrics of all models and findings under many resamples of the patients, at once.

The scores are sorted once. What is a sum over rows (log loss, Brier score, the bins of the calibration error, counts at
a threshold, what a step to a resample's calibration curve needs) is summed by patient first, and is then a column of
one matrix product with how often each patient was drawn; what is read off the order of the scores comes from running
sums down the sorted rows (`metrics/ranking.py`). Resamples are worked on some at a time, on as many threads as there
are processors, up to four; the values depend on neither.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, Integer
from threadpoolctl import threadpool_limits

from mmdx.stats.cohort.cohort import Scored
from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.metrics import ranking
from mmdx.stats.metrics.calibration import (
    BINS,
    EXPANDED,
    Expansion,
    calibration_intercept,
    calibration_slope,
    expand,
    gaps,
)
from mmdx.stats.metrics.ranking import Ladder, Steps, sums_by
from mmdx.stats.metrics.registry import METRICS, answers, surprises
from mmdx.stats.metrics.thresholds import AT_THRESHOLD, LEAST, Counts
from mmdx.stats.resampling.weights import share

JACKKNIFE_PARTS = 200
"""The most patients that the jackknife leaves out one by one; more are dealt into as many parts, left out in turn."""
THREADS = min(4, os.cpu_count() or 1)
CELLS_AT_ONCE = 2**24
"""Rows times findings times resamples that a thread works on at a time, which bounds the memory."""
ITERATED_BELOW = 1_000
"""Rows of a finding below which each resample's calibration curve is fitted to the end: the step is least exact, and
the fit least dear, where rows are few."""


class _Summed(NamedTuple):
    """The columns of what is summed over the rows of one finding and training, by name."""

    log_loss: int = 0
    squares: int = 1
    true_yes: int = 2
    false_yes: int = 3
    bins: slice = slice(4, 4 + BINS)
    curve: slice = slice(4 + BINS, 4 + BINS + EXPANDED)
    width: int = 4 + BINS + EXPANDED


SUMMED = _Summed()


@dataclass(frozen=True)
class _Layout:
    """Where columns lie in the matrix of sums by patient.

    First the positives of each finding, then the negatives; then block by block the trainings, each with all of
    `SUMMED` for every finding and, where there are several, the curve of all findings together. The other sums of all
    findings together are those of each, added up.
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
class _Problem:
    """Yes or no: labels that are known, scores, answers at the thresholds (`answers`), and whose rows they are."""

    labels: Float[np.ndarray, "n"]
    scores: Float[np.ndarray, "n"]
    answers: Float[np.ndarray, "n"]
    patients: Int[np.ndarray, "n"]

    @cached_property
    def answered(self) -> bool:
        return not np.isnan(self.answers).any()

    def ladder(self, patients: int, dtype: np.dtype) -> Ladder:
        return Ladder(self.labels, self.scores, self.patients, patients, dtype)

    def by_patient(self, columns: Float[np.ndarray, "n c"], patients: int) -> Float[np.ndarray, "p c"]:
        return sums_by(self.patients, np.arange(len(columns)), (patients, len(columns)), np.dtype(np.float64)) @ columns

    def summed(self, fit: Expansion) -> Float[np.ndarray, "n 26"]:
        """What is summed over drawn rows, in the columns of `SUMMED`."""
        yes, positive = self.answers == 1, self.labels == 1
        columns = np.empty((len(self.labels), SUMMED.width))
        columns[:, SUMMED.log_loss] = surprises(self.labels, self.scores)
        columns[:, SUMMED.squares] = (self.scores - self.labels) ** 2
        columns[:, SUMMED.true_yes] = yes & positive
        columns[:, SUMMED.false_yes] = yes & ~positive
        columns[:, SUMMED.bins] = gaps(self.labels, self.scores)
        columns[:, SUMMED.curve] = fit.columns
        return columns


class Panel:
    """The metrics, in the order of `METRICS`, of some trainings on the same rows.

    The last of the g findings is the micro average: the known cells of all findings as one binary problem, each
    answered at its own threshold. With one finding it is that finding. Labels are NaN where unknown; `patients` gives
    each row's patient, numbered from 0 without gaps. Of findings with `ITERATED_BELOW` rows or more, a resample's
    calibration slope and intercept are one step from those of all rows (`calibration.Expansion`); everything else is
    what the metric's own function says.
    """

    def __init__(
        self, labels: Float[np.ndarray, "n f"], trainings: Sequence[Scored], patients: Int[np.ndarray, "n"]
    ) -> None:
        self._patients, self._count, self._findings = patients, int(patients.max()) + 1, labels.shape[1]
        labelled = ~np.isnan(labels)
        # A resample may be one patient again and again: the smallest type that holds the weight of all its rows.
        heaviest = int(np.bincount(patients, weights=labelled.sum(axis=1)).max()) * self._count
        self._dtype = np.dtype(np.uint16 if heaviest < 2**16 else np.uint32)
        fitting = min(512, CELLS_AT_ONCE // max(1, int(labelled.sum())))
        # Rows of whole cache lines, a fifth faster than odd ones.
        self._at_once = max(1, fitting // 64 * 64 or fitting)
        self._problems = [_problems(labels, training, patients) for training in trainings]
        self._layout = _Layout(self._findings, len(trainings))
        self._ladders = [[p.ladder(self._count, self._dtype) for p in problems] for problems in self._problems]
        self._columns, self._fits = self._summed_by_patient()

    def points(self) -> Float[np.ndarray, "t m g"]:
        """Every metric, each row once; NaN where undefined."""
        return self._with_micro(self._at(np.ones((self._count, 1), dtype=self._dtype)))[..., 0]

    def resampled(self, resampler: Resampler) -> Float[np.ndarray, "t m g r"]:
        """Every metric in each resample of the same patients."""
        return self._measured(resampler.counts(at_once=self._at_once), resampler.resamples)

    def jackknife(self) -> Float[np.ndarray, "t m g k"]:
        """Every metric without each patient in turn, or without each of `JACKKNIFE_PARTS` parts of more patients."""
        parts = min(JACKKNIFE_PARTS, self._count)
        part = np.arange(self._count) % parts

        def left_out() -> Iterable[tuple[slice, Int[np.ndarray, "r p"]]]:
            for start in range(0, parts, self._at_once):
                stop = min(start + self._at_once, parts)
                yield slice(start, stop), (part != np.arange(start, stop)[:, None]).astype(np.int32)

        return self._measured(left_out(), parts)

    def _measured(
        self, patient_counts: Iterable[tuple[slice, Int[np.ndarray, "r p"]]], total: int
    ) -> Float[np.ndarray, "t m g r"]:
        """Every metric under counts of patients; a thread takes a part, a few parts wait, BLAS stays on its thread."""
        values = np.full((len(self._problems), len(METRICS), len(self._problems[0]), total), np.nan)

        def fill(place: slice, counts: Int[np.ndarray, "r p"]) -> None:
            values[..., place] = self._at(np.ascontiguousarray(counts.T, dtype=self._dtype))

        with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(THREADS) as pool:
            waiting: deque[Future[None]] = deque()
            for place, counts in patient_counts:
                if len(waiting) > THREADS:
                    waiting.popleft().result()
                waiting.append(pool.submit(fill, place, counts))
            for future in waiting:
                future.result()
        return self._with_micro(values)

    def _at(self, weights: Integer[np.ndarray, "p r"]) -> Float[np.ndarray, "t m h r"]:
        classes, sums = self._sums(weights)
        values = np.empty((len(self._problems), len(METRICS), len(self._problems[0]), weights.shape[1]))
        for t, problems in enumerate(self._problems):
            for h, problem in enumerate(problems):
                steps = self._ladders[t][h].climb(weights)
                positives, negatives = classes[:, h]
                measures = _of_order(steps) | _of_sums(problem, positives, negatives, sums[t, h])
                measures |= _of_curve(problem, self._fits[t][h], steps, sums[t, h, SUMMED.curve], weights)
                values[t, :, h] = [measures[name] for name in METRICS]
        return values

    def _sums(
        self, weights: Integer[np.ndarray, "p r"]
    ) -> tuple[Float[np.ndarray, "2 h r"], Float[np.ndarray, "t h 26 r"]]:
        """The weight of positives and negatives, and the sums of `SUMMED`, by problem and resample."""
        # One matrix product for all sums of all trainings: the columns must lie in one matrix for that.
        flat, layout = self._columns.T @ weights.astype(np.float64), self._layout
        classes = flat[layout.classes].reshape(2, layout.findings, -1)
        sums = np.empty((layout.trainings, len(self._problems[0]), SUMMED.width, weights.shape[1]))
        for t in range(layout.trainings):
            for f in range(layout.findings):
                sums[t, f] = flat[layout.block(t, f)]
        if layout.findings == 1:
            return classes, sums
        # All findings together are the sum of each, but for the steps to their own curve.
        sums[:, -1, : SUMMED.curve.start] = sums[:, :-1, : SUMMED.curve.start].sum(axis=1)
        for t in range(layout.trainings):
            sums[t, -1, SUMMED.curve] = flat[layout.block(t, layout.findings)]
        return np.concatenate([classes, classes.sum(axis=1, keepdims=True)], axis=1), sums

    def _summed_by_patient(self) -> tuple[Float[np.ndarray, "p c"], list[list[Expansion]]]:
        """The sums of each patient's rows, one row per patient, in the columns of `_Layout`; and the calibration curve
        of each training and problem. The curves' own columns, one row per row of the cohort, are dropped to save
        memory: they are in the sums."""
        layout, findings, curves = self._layout, self._findings, []
        columns = np.empty((self._count, layout.width))
        for f, problem in enumerate(self._problems[0][:findings]):
            kinds = np.stack([problem.labels, 1 - problem.labels], axis=1)
            columns[:, [f, findings + f]] = problem.by_patient(kinds, self._count)
        for t, problems in enumerate(self._problems):
            curves.append([])
            for h, problem in enumerate(problems):
                curve = expand(problem.labels, problem.scores)
                rows = problem.summed(curve) if h < findings else curve.columns
                columns[:, layout.block(t, h)] = problem.by_patient(rows, self._count)
                curves[-1].append(replace(curve, columns=curve.columns[:0].copy()))
        return columns, curves

    def _with_micro(self, values: Float[np.ndarray, "t m h r"]) -> Float[np.ndarray, "t m g r"]:
        """One finding is its own micro average."""
        return values if self._findings > 1 else np.concatenate([values, values], axis=2)


def _problems(labels: Float[np.ndarray, "n f"], scored: Scored, patients: Int[np.ndarray, "n"]) -> list[_Problem]:
    """Each finding by itself, then all of them where there are several."""
    yes = answers(scored.scores, scored.thresholds)

    def of(cells: Bool[np.ndarray, "n f"]) -> _Problem:
        column, row = np.nonzero(cells.T)
        return _Problem(labels[row, column], scored.scores[row, column], yes[row, column], patients[row])

    labelled, findings = ~np.isnan(labels), np.arange(labels.shape[1])
    problems = [of(labelled & (findings == f)) for f in findings]
    return problems if len(problems) == 1 else [*problems, of(labelled)]


def _of_order(steps: Steps) -> dict[str, Float[np.ndarray, "r"]]:
    return {
        "auroc": ranking.auroc(steps),
        "ap": ranking.average_precision(steps),
        "sensitivity_at_specificity": ranking.sensitivity_at(steps, LEAST),
        "specificity_at_sensitivity": ranking.specificity_at(steps, LEAST),
    }


def _of_sums(
    problem: _Problem,
    positives: Float[np.ndarray, "r"],
    negatives: Float[np.ndarray, "r"],
    sums: Float[np.ndarray, "26 r"],
) -> dict[str, Float[np.ndarray, "r"]]:
    total, unknown = positives + negatives, np.full(len(positives), np.nan)
    true_yes, false_yes = sums[SUMMED.true_yes], sums[SUMMED.false_yes]
    counts = Counts(true_yes, false_yes, negatives - false_yes, positives - true_yes)
    return {
        "log_loss": share(sums[SUMMED.log_loss], total),
        "brier": share(sums[SUMMED.squares], total),
        "ece": share(np.abs(sums[SUMMED.bins]).sum(axis=0), total),
    } | {name: measure(counts) if problem.answered else unknown for name, measure in AT_THRESHOLD.items()}


def _of_curve(
    problem: _Problem,
    fit: Expansion,
    steps: Steps,
    sums: Float[np.ndarray, "12 r"],
    weights: Integer[np.ndarray, "p r"],
) -> dict[str, Float[np.ndarray, "r"]]:
    if len(problem.labels) < ITERATED_BELOW:
        rows = weights[problem.patients].T
        slopes = calibration_slope(problem.labels, problem.scores, rows)
        intercepts = calibration_intercept(problem.labels, problem.scores, rows)
    else:
        both = steps.both_classes
        slopes = np.where(both & ~ranking.apart(steps), fit.slopes(sums.T), np.nan)
        intercepts = np.where(both, fit.intercepts(sums.T), np.nan)
    return {"calibration_slope": slopes, "calibration_intercept": intercepts}
