"""Resamples of the patients of a cohort, the same ones for every metric, arm and section that is given them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from jaxtyping import Bool, Float, Int, Integer

from mmdx.stats.cohort.cohort import Cohort
from mmdx.stats.comparison.drawn import Drawn, Sampled
from mmdx.stats.metrics import ranking
from mmdx.stats.metrics.folds import Climbed, Folds, Ladders, measure
from mmdx.stats.metrics.registry import Metric
from mmdx.stats.resampling.intervals import CELLS_AT_ONCE, draw_counts, draw_patients, rare_strata

CELLS = 1_000_000_000
"""Rows times scores times resamples that a part of a comparison may take: a few seconds on one core."""
FEWEST_RESAMPLES = 200
AT_ONCE = 128
OF_ORDER: Mapping[str, Callable[[Climbed], Float[np.ndarray, "r"]]] = {
    "auroc": lambda climbed: ranking.auroc(*climbed.by_fold),
    "ap": lambda climbed: ranking.average_precision(climbed.ranked),
}
"""Metrics of the order of scores, which is found once and not once per resample."""

Count = Callable[[str, int, int, str], None]
"""Told what is done, how much of it is, of how much, and of what."""
K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Resampler:
    """Patients drawn with replacement, `resamples` times, each bringing all its rows.

    `patients` numbers the patient of each row from 0 without gaps. Patients of one of the `strata` (a number per row,
    None: all are one) are drawn among themselves. The seed alone decides what is drawn: two resamplers of the same
    patients, strata and seed draw the same, and one of fewer resamples the first of them. `told` is told how many of
    how many resamples have been drawn (None: nobody waits).
    """

    patients: Int[np.ndarray, "n"]
    strata: Int[np.ndarray, "n"] | None
    resamples: int
    seed: int
    told: Callable[[int, int], None] | None = None

    @classmethod
    def of(cls, cohort: Cohort, *, resamples: int, seed: int) -> Resampler:
        """The patients of a cohort; those of a rare class are a stratum of their own (`rare_strata`)."""
        return cls(cohort.patients, rare_strata(cohort.labels, cohort.patients), resamples, seed)

    @property
    def patient_count(self) -> int:
        return int(self.patients.max()) + 1

    @property
    def stratum_count(self) -> int:
        """How many strata patients are drawn within: more than one where a class is rare."""
        return 1 if self.strata is None else len(np.unique(self.strata))

    def telling(self, about: str, count: Count | None) -> Resampler:
        """The same resamples, of which whoever waits is told for what they are drawn."""
        if count is None:
            return self
        return replace(self, told=lambda done, total: count(f"comparing: {about}", done, total, "resamples"))

    def at_most(self, resamples: int) -> Resampler:
        """The first of the resamples, where there are more."""
        return replace(self, resamples=min(self.resamples, resamples))

    def affordable(self, *, values: int) -> Resampler:
        """As many of the resamples as take a few seconds, where each looks at so many scores of rows."""
        return self.at_most(max(FEWEST_RESAMPLES, CELLS // max(values, 1)))

    def counts(self, *, at_once: int) -> Iterator[tuple[slice, Int[np.ndarray, "r p"]]]:
        """How often each patient was drawn, some resamples at a time, with their place among all."""
        many, seed, strata = self.resamples, self.seed, self.strata
        return self._telling(draw_counts(self.patients, resamples=many, seed=seed, at_once=at_once, strata=strata))

    def _telling(self, draws: Iterator[tuple[slice, T]]) -> Iterator[tuple[slice, T]]:
        """The draws as they come; what has come before is done when the next is asked for."""
        for place, draw in draws:
            if self.told is not None:
                self.told(place.start, self.resamples)
            yield place, draw

    def drawn(self) -> Int[np.ndarray, "r p"]:
        """How often each patient was drawn, all resamples at once."""
        return next(self.counts(at_once=self.resamples))[1]

    def values(
        self, function: Callable[[Int[np.ndarray, "r n"]], Mapping[K, Float[np.ndarray, "r"]]]
    ) -> dict[K, Drawn]:
        """Everything that a function makes of the weights of the rows: of each row once, and of each resample."""
        once = function(np.ones((1, len(self.patients)), dtype=np.int64))
        resampled = {key: np.full(self.resamples, np.nan) for key in once}
        draws = draw_patients(self.patients, resamples=self.resamples, seed=self.seed, strata=self.strata)
        for place, weights in self._telling(draws):
            for key, values in function(weights).items():
                resampled[key][place] = values
        return {key: Drawn(float(value[0]), resampled[key]) for key, value in once.items()}

    def sums(self, by_patient: Float[np.ndarray, "p k"]) -> Float[np.ndarray, "r k"]:
        """The sum of each column over the patients of each resample."""
        sums = np.empty((self.resamples, by_patient.shape[1]))
        for place, counts in self.counts(at_once=max(1, min(256, CELLS_AT_ONCE // len(by_patient)))):
            sums[place] = counts.astype(np.float64) @ by_patient
        return sums

    def over(
        self,
        metric: Metric,
        labels: Float[np.ndarray, "n f"],
        scores: Float[np.ndarray, "s n f"],
        *,
        subsets: Sequence[Bool[np.ndarray, "n"]],
        folds: Sequence[Folds] | None = None,
    ) -> list[Sampled]:
        """A metric within each subset of the rows, by set of scores and finding; unknown labels (NaN) are left out.

        Patients are drawn from all rows, so that subsets and scores share their resamples. `folds` says of each set of
        scores which model scored each row; without it, each is of one model.
        """
        count = self.patient_count
        # Sums are whole numbers up to the weight of all rows in a resample that is one patient, again and again.
        heaviest = int(np.bincount(self.patients).max()) * count
        dtype = np.dtype(np.uint16 if heaviest < 2**16 else np.uint32)
        shape = (len(subsets), len(scores), labels.shape[1])
        points, resampled = np.full(shape, np.nan), np.full((*shape, self.resamples), np.nan)
        readings = {}
        for g, s, f in np.ndindex(shape):
            rows = np.flatnonzero(subsets[g] & ~np.isnan(labels[:, f]))
            if len(rows):
                of_rows = _at(folds[s] if folds else None, rows)
                cells = labels[rows, f], scores[s, rows, f], of_rows, self.patients[rows]
                readings[g, s, f] = _reading(metric, *cells, (count, dtype))
        once = np.ones((count, 1), dtype=dtype)
        for place, reading in readings.items():
            points[place] = reading(once)[0]
        for part, counts in self.counts(at_once=AT_ONCE):
            weights = np.ascontiguousarray(counts.T, dtype=dtype)
            for place, reading in readings.items():
                resampled[*place, part] = reading(weights)
        return [Sampled(*pair) for pair in zip(points, resampled, strict=True)]


def _reading(
    metric: Metric,
    labels: Float[np.ndarray, "n"],
    scores: Float[np.ndarray, "n"],
    folds: Folds,
    patients: Int[np.ndarray, "n"],
    size: tuple[int, np.dtype],
) -> Callable[[Integer[np.ndarray, "p r"]], Float[np.ndarray, "r"]]:
    """The metric of some rows as a function of how often each patient was drawn; what is sorted is sorted once.

    `size` is the number of patients, and the type of the weights.
    """
    if metric.name in OF_ORDER:
        ladders = Ladders(labels, scores, folds, patients, size)
        return lambda weights: OF_ORDER[metric.name](ladders.climb(weights))
    return lambda weights: measure(metric, labels, scores, weights.T[:, patients].astype(np.int64), folds)


def _at(folds: Folds, rows: Int[np.ndarray, "m"]) -> Int[np.ndarray, "m"] | None:
    return None if folds is None else folds[rows]
