"""All metrics of all models and findings under many resamples of the patients, at once.

A loop over metrics and resamples would sort and sum the same rows thousands of times. Here the rows are sorted once,
and whatever is a sum over rows (log loss, Brier score, the bins of the calibration error, counts at a threshold, the
step to a resample's calibration curve) is added up by patient once. A resample is then one column of a product of these
sums with how often each patient was drawn; measures of the order of scores come from running sums down the sorted
rows (`metrics/ranking.py`). Resamples are worked on some at a time, on as many threads as there are processors, up to
four; the values depend on neither.

In shapes, t is the number of trainings, m of metrics, h of problems (the findings, and all of them together where there
are several), g of findings plus one, r of resamples, p of patients, n of rows and f of findings.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import numpy as np
from jaxtyping import Float, Int, Integer
from threadpoolctl import threadpool_limits

from mmdx.stats.cohort.choices import Scored
from mmdx.stats.comparison.problem import SUMMED, Layout, Problem, problems_of
from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.metrics import ranking
from mmdx.stats.metrics.calibration import Expansion, calibration_intercept, calibration_slope, expand
from mmdx.stats.metrics.folds import Climbed
from mmdx.stats.metrics.ranking import Steps
from mmdx.stats.metrics.registry import METRICS
from mmdx.stats.metrics.thresholds import AT_THRESHOLD, LEAST, Counts
from mmdx.stats.resampling.weights import share

JACKKNIFE_PARTS = 200
"""The most patients that the jackknife leaves out one by one; more are dealt into as many parts, left out in turn."""
THREADS = min(4, os.cpu_count() or 1)
CELLS_AT_ONCE = 2**24
"""Rows times findings times resamples that a thread works on at a time, which bounds the memory."""
ITERATED_BELOW = 1_000
"""Rows of a finding below which each resample's calibration curve is fitted to the end: with few rows the step is least
exact and the fit cheapest."""


class Panel:
    """The metrics, in the order of `METRICS`, of some trainings on the same rows.

    The last of the g findings is the micro average: the known labels of all findings as one binary problem, each with
    the threshold of its finding. With one finding it is that finding. Labels are NaN where unknown; `patients` gives
    the patient of each row, numbered from 0 without gaps. Of findings with `ITERATED_BELOW` rows or more, a resample's
    calibration slope and intercept are one step from those of all rows (`calibration.Expansion`); every other value
    is that of the metric's function, counted within folds where there are several (`metrics/folds.py`).
    """

    def __init__(
        self, labels: Float[np.ndarray, "n f"], trainings: Sequence[Scored], patients: Int[np.ndarray, "n"]
    ) -> None:
        self._patients, self._count, self._findings = patients, int(patients.max()) + 1, labels.shape[1]
        labelled = ~np.isnan(labels)
        # Running sums are bound by memory, so that the smallest type is the fastest. It must hold the weight of all
        # rows of the heaviest resample: the patient with the most rows, drawn every time.
        heaviest = int(np.bincount(patients, weights=labelled.sum(axis=1)).max()) * self._count
        self._dtype = np.dtype(np.uint16 if heaviest < 2**16 else np.uint32)
        fitting = min(512, CELLS_AT_ONCE // max(1, int(labelled.sum())))
        # Multiples of 64 resamples fill whole cache lines, which is a fifth faster.
        self._at_once = max(1, fitting // 64 * 64 or fitting)
        self._problems = [problems_of(labels, training, patients) for training in trainings]
        self._layout = Layout(self._findings, len(trainings))
        self._ladders = [[p.ladders(self._count, self._dtype) for p in problems] for problems in self._problems]
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
        """Every metric under counts of patients, which come in parts; each thread takes one part at a time."""
        values = np.full((len(self._problems), len(METRICS), len(self._problems[0]), total), np.nan)

        def fill(place: slice, counts: Int[np.ndarray, "r p"]) -> None:
            values[..., place] = self._at(np.ascontiguousarray(counts.T, dtype=self._dtype))

        # BLAS would start threads of its own in each thread. Few parts wait at a time, since drawing is faster than
        # measuring and all counts at once would not fit the memory.
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
        """Every metric of every problem, where `weights` says how often each patient was drawn."""
        classes, sums = self._sums(weights)
        values = np.empty((len(self._problems), len(METRICS), len(self._problems[0]), weights.shape[1]))
        for t, problems in enumerate(self._problems):
            for h, problem in enumerate(problems):
                climbed = self._ladders[t][h].climb(weights)
                positives, negatives = classes[:, h]
                measures = _of_order(climbed) | _of_sums(problem, positives, negatives, sums[t, h])
                measures |= _of_curve(problem, self._fits[t][h], climbed.all, sums[t, h, SUMMED.curve], weights)
                values[t, :, h] = [measures[name] for name in METRICS]
        return values

    def _sums(
        self, weights: Integer[np.ndarray, "p r"]
    ) -> tuple[Float[np.ndarray, "2 h r"], Float[np.ndarray, "t h 26 r"]]:
        """The weight of positives and negatives, and the sums of `SUMMED`, by problem and resample."""
        # One product of large matrices for all trainings is much faster than one per problem.
        flat, layout = self._columns.T @ weights.astype(np.float64), self._layout
        classes = flat[layout.classes].reshape(2, layout.findings, -1)
        sums = np.empty((layout.trainings, len(self._problems[0]), SUMMED.width, weights.shape[1]))
        for t in range(layout.trainings):
            for f in range(layout.findings):
                sums[t, f] = flat[layout.block(t, f)]
        if layout.findings == 1:
            return classes, sums
        # The sums over all findings are those of each added up; the curve of all is another fit, with sums of its own.
        sums[:, -1, : SUMMED.curve.start] = sums[:, :-1, : SUMMED.curve.start].sum(axis=1)
        for t in range(layout.trainings):
            sums[t, -1, SUMMED.curve] = flat[layout.block(t, layout.findings)]
        return np.concatenate([classes, classes.sum(axis=1, keepdims=True)], axis=1), sums

    def _summed_by_patient(self) -> tuple[Float[np.ndarray, "p c"], list[list[Expansion]]]:
        """The sums by patient, in the columns of `Layout`, and the calibration curve of each training and problem.

        The columns of the curves, one row per row of the cohort, are dropped to save memory: the sums hold them.
        """
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
        """The values of g findings from those of h problems: a single finding is also the micro average."""
        return values if self._findings > 1 else np.concatenate([values, values], axis=2)


def _of_order(climbed: Climbed) -> dict[str, Float[np.ndarray, "r"]]:
    """The metrics that depend on the order of the scores alone."""
    return {
        "auroc": ranking.auroc(*climbed.by_fold),
        "ap": ranking.average_precision(climbed.ranked),
        "sensitivity_at_specificity": ranking.sensitivity_at(climbed.ranked, LEAST),
        "specificity_at_sensitivity": ranking.specificity_at(climbed.ranked, LEAST),
    }


def _of_sums(
    problem: Problem,
    positives: Float[np.ndarray, "r"],
    negatives: Float[np.ndarray, "r"],
    sums: Float[np.ndarray, "26 r"],
) -> dict[str, Float[np.ndarray, "r"]]:
    """The metrics that are made of sums over rows; those at a threshold are NaN where a row has none."""
    total, unknown = positives + negatives, np.full(len(positives), np.nan)
    true_yes, false_yes = sums[SUMMED.true_yes], sums[SUMMED.false_yes]
    counts = Counts(true_yes, false_yes, negatives - false_yes, positives - true_yes)
    return {
        "log_loss": share(sums[SUMMED.log_loss], total),
        "brier": share(sums[SUMMED.squares], total),
        "ece": share(np.abs(sums[SUMMED.bins]).sum(axis=0), total),
    } | {name: measure(counts) if problem.answered else unknown for name, measure in AT_THRESHOLD.items()}


def _of_curve(
    problem: Problem,
    fit: Expansion,
    steps: Steps,
    sums: Float[np.ndarray, "12 r"],
    weights: Integer[np.ndarray, "p r"],
) -> dict[str, Float[np.ndarray, "r"]]:
    """The slope and the intercept of the calibration curve, fitted for few rows and one step from `fit` for many."""
    if len(problem.labels) < ITERATED_BELOW:
        rows = weights[problem.patients].T
        slopes = calibration_slope(problem.labels, problem.scores, rows)
        intercepts = calibration_intercept(problem.labels, problem.scores, rows)
    else:
        # A step always ends somewhere; the fit has no end where a class is missing or the classes do not overlap.
        both = steps.both_classes
        slopes = np.where(both & ~ranking.apart(steps), fit.slopes(sums.T), np.nan)
        intercepts = np.where(both, fit.intercepts(sums.T), np.nan)
    return {"calibration_slope": slopes, "calibration_intercept": intercepts}
