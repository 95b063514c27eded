"""How many patients a paired difference of AUROCs takes to be shown, by drawing cohorts from patients that were scored.

A cohort of n patients is drawn from these with replacement, each with all its rows and both scores, so that how the two
scores go together is what it was. It is tested by DeLong's test clustered by patient. The power at n is the share of
cohorts in which the difference is shown, at a two-sided 5 %, in its own direction.

In shapes, n is the number of rows and c of rows of a drawn cohort.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int
from scipy.stats import binomtest, norm

from mmdx.errors import UsageError
from mmdx.stats.metrics.folds import Folds, ranks_within
from mmdx.stats.resampling.intervals import CONFIDENCE, why_too_few
from mmdx.stats.significance.delong import auroc_covariance, delong_test
from mmdx.stats.significance.difference import ALPHA

WANTED = 0.8
"""The power that is planned for."""
FEWEST, MOST_ROWS = 20, 20_000
"""Patients below which none are planned, and rows of a cohort beyond which none are drawn: the test is exact there."""
FIRST_COHORTS, COHORTS, RESAMPLES = 400, 2000, 200
MOST_STEPS, NEAR = 8, 0.015
"""Numbers of patients that are tried, and how near to the wanted power is near enough."""
_CLOSE = 0.005
"""How near to a stated difference scores must come that are moved to it."""
_NEEDED = float(norm.isf(ALPHA / 2) + norm.ppf(WANTED))


@dataclass(frozen=True, eq=False)
class ScoredPair:
    """What two models say of the same rows with known labels (1 or 0); `patients` numbers the patient of each row from
    0 without gaps, `folds` the fold of each row, for each of the two."""

    labels: Float[np.ndarray, "n"]
    first: Float[np.ndarray, "n"]
    second: Float[np.ndarray, "n"]
    patients: Int[np.ndarray, "n"]
    folds: tuple[Folds, Folds] = (None, None)

    def at(self, rows: Int[np.ndarray, "c"], patients: Int[np.ndarray, "c"]) -> ScoredPair:
        """Some rows, of patients with these numbers."""
        first, second = (None if of_set is None else of_set[rows] for of_set in self.folds)
        return ScoredPair(self.labels[rows], self.first[rows], self.second[rows], patients, (first, second))

    @property
    def patient_count(self) -> int:
        return int(self.patients.max()) + 1

    @property
    def difference(self) -> float:
        """First minus second AUROC."""
        values = auroc_covariance(self.labels, np.stack([self.first, self.second]), self.patients, self.folds)[0]
        return float(values[0] - values[1])


@dataclass(frozen=True)
class SampleSize:
    """How many patients show `difference` with a power of `WANTED`; `low` and `high` are 95 % bounds over the patients
    that it was planned on (None: no number is enough).

    `power` is what `COHORTS` drawn cohorts of so many gave, with Wilson's interval; None where none were drawn, the
    number being that of the test's own error. `refused` says why there is no number, which is None then.
    """

    difference: float
    patients: int | None = None
    low: int | None = None
    high: int | None = None
    power: tuple[float, float, float] | None = None
    refused: str | None = None


def with_difference(pair: ScoredPair, difference: float) -> ScoredPair:
    """The pair with the second's scores moved until the first is better by `difference`.

    Scores become normal scores of their ranks, which changes no AUROC, and those of the second's positive rows are
    moved by a constant: how the scores of the two go together within either class stays as it was. Raises `UsageError`
    where no such move gives the difference.
    """
    first = norm.ppf(ranks_within(pair.first, pair.folds[0]))
    second = norm.ppf(ranks_within(pair.second, pair.folds[1]))
    normal, positive = replace(pair, first=first, second=second), pair.labels == 1

    def moved(by: float) -> ScoredPair:
        return replace(normal, second=normal.second + by * positive)

    low, high = -12.0, 12.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if moved(middle).difference > difference else (low, middle)
    found = min(moved(low), moved(high), key=lambda each: abs(each.difference - difference))
    if abs(found.difference - difference) > _CLOSE + 1 / positive.sum() / (~positive).sum():
        raise UsageError(
            f"difference {difference:g}: these scores cannot be moved to it (they come to {found.difference:.3f}); the "
            "first AUROC is too low for it, or the second's scores have too few values"
        )
    return found


def patients_needed(
    pair: ScoredPair, *, stated: bool = False, seed: int = 0, count: Callable[[int, int], None] = lambda *_: None
) -> SampleSize:
    """How many patients show the difference of the pair, which is the one that was seen in it, or a `stated` one.

    `count` is told how many of how many numbers were tried.
    """
    test = delong_test(pair.labels, pair.first, pair.second, pair.patients, pair.folds)
    refused = test.refused or why_too_few(pair.labels, pair.patients)
    if refused is None and (not test.error or abs(test.difference) < 1e-12):
        refused = "no difference was seen; state one (--difference)"
    if refused:
        return SampleSize(test.difference, refused=refused)
    generator, ratio = np.random.default_rng(seed), len(pair.labels) / pair.patient_count
    by_error = pair.patient_count * (_NEEDED * test.error / test.difference) ** 2
    size, power = max(FEWEST, int(np.ceil(by_error))), None
    if size * ratio <= MOST_ROWS:
        size, power = _searched(pair, size, generator, count)
    low, high = _bounds(pair, test.difference, size / by_error, generator, stated=stated)
    if power is None:
        return SampleSize(test.difference, size, low, high)
    bounds = binomtest(round(power * COHORTS), COHORTS).proportion_ci(CONFIDENCE, "wilson")
    return SampleSize(test.difference, size, low, high, (power, float(bounds.low), float(bounds.high)))


def _searched(
    pair: ScoredPair, size: int, generator: np.random.Generator, count: Callable[[int, int], None]
) -> tuple[int, float]:
    """The number of patients at which drawn cohorts come to the wanted power, from a first guess, and their power.

    The normal quantile of the power grows with the root of the number; where that leads out of what was tried, the
    number between the two is taken.
    """
    low, high, power = float(FEWEST), np.inf, 0.0
    for step in range(MOST_STEPS):
        cohorts = COHORTS if step else FIRST_COHORTS
        count(step, MOST_STEPS)
        power = share_shown(pair, size, cohorts, generator)
        if power < WANTED:
            low = max(low, size)
        else:
            high = min(high, size)
        if step and (abs(power - WANTED) <= NEAR or high <= FEWEST or step + 1 == MOST_STEPS):
            break
        reached = norm.ppf(np.clip(power, 0.05, 0.999)) + norm.isf(ALPHA / 2)
        guess = size * (_NEEDED / reached) ** 2
        if not low < guess < high:
            guess = 2 * size if np.isinf(high) else np.sqrt(low * high)
        size = max(FEWEST, int(np.ceil(guess)))
    return size, power


def share_shown(pair: ScoredPair, patients: int, cohorts: int, generator: np.random.Generator) -> float:
    """The share of so many drawn cohorts of so many patients in which the difference is shown in its own direction."""
    direction, shown = np.sign(pair.difference), 0
    for drawn in _cohorts(pair, patients, cohorts, generator):
        test = delong_test(drawn.labels, drawn.first, drawn.second, drawn.patients, drawn.folds)
        shown += bool(test.p <= ALPHA and test.difference * direction > 0)
    return shown / cohorts


def _cohorts(pair: ScoredPair, patients: int, cohorts: int, generator: np.random.Generator) -> Iterator[ScoredPair]:
    """Cohorts of patients drawn with replacement; who is drawn twice counts as two."""
    order = np.argsort(pair.patients, kind="stable")
    sizes = np.bincount(pair.patients)
    starts = np.cumsum(sizes) - sizes
    for _ in range(cohorts):
        drawn = generator.integers(len(sizes), size=patients)
        numbers = np.repeat(np.arange(patients), sizes[drawn])
        first_of = np.cumsum(sizes[drawn]) - sizes[drawn]
        yield pair.at(order[starts[drawn][numbers] + np.arange(len(numbers)) - first_of[numbers]], numbers)


def _bounds(
    pair: ScoredPair, difference: float, factor: float, generator: np.random.Generator, *, stated: bool = False
) -> tuple[int | None, int | None]:
    """95 % percentile bounds of the number over resamples of the patients, by the test's error in each times `factor`.

    A resample without the difference, or with one the other way round, takes infinitely many. Where a difference is
    stated it stays what it is, and the error alone varies.
    """
    needed = []
    for drawn in _cohorts(pair, pair.patient_count, RESAMPLES, generator):
        test = delong_test(drawn.labels, drawn.first, drawn.second, drawn.patients, drawn.folds)
        seen = difference if stated else test.difference
        alike = np.isnan(test.error) or seen * np.sign(difference) <= 0
        needed.append(np.inf if alike else factor * pair.patient_count * (_NEEDED * test.error / seen) ** 2)
    rank = int((len(needed) + 1) * ALPHA / 2)
    low, high = np.sort(needed)[[rank - 1, -rank]]
    bounds = (None if np.isinf(bound) else max(FEWEST, int(np.ceil(bound))) for bound in (low, high))
    return next(bounds), next(bounds)
