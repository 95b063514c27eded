"""What the tests and intervals of mmdx are worth where the truth is known: simulated cohorts, Markdown tables.

    python scripts/simulate_claims.py [--only false_positives coverage power] [--runs 1000] [--resamples 1000]
                                      [--seed 0] [--processes 2]

The cohort: a patient has the finding with some chance, and each of its rows then shows it with a chance of 0.6 where it
has several rows (slices), surely where it has one. Model m scores row j of patient i

    s = d * label + sqrt(c) * u[m, i] + sqrt(1 - c) * e[m, j]

with u and e standard normal, correlated by 0.5 between the two models, c = 0.7 the likeness of the rows of a patient (0
where it has one row). A row with the finding and a row of another patient without it are d apart with variance 2, so
that the AUROC is Phi(d / sqrt(2)) (binormal). This is the truth that intervals are held against; of the pairs of an
observed cohort, those within one patient, about one in as many as there are patients, are easier.

`false_positives`: two models of AUROC 0.8, equally good by construction, 60 patients, 40 % with the finding: how often
each test says p <= 0.05. The thresholds that make yeses and noes are chosen on another draw, the validation patients,
by Youden's J: `common` for both models on all their scores together, which leaves them equally good; `own` for each by
itself. Two thresholds that were chosen on few patients lie apart, and then the answers of two equally good models are
not equally often right: a test of answers that finds this makes no error, but it is no difference of the models.
`coverage`: the AUROC 0.8 of one model and its 95 % intervals. `power`: AUROC 0.80 against 0.85.

Shares have 95 % Wilson intervals. A test that is refused, for want of patients of a class, does not reject.
"""

from __future__ import annotations

import argparse
import itertools
import math
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from jaxtyping import Float, Int
from scipy.stats import binomtest, norm

from mmdx.stats.metrics.registry import METRICS
from mmdx.stats.metrics.thresholds import choose_threshold
from mmdx.stats.resampling.intervals import Estimate, bca_interval, draw_patients, interval, rare_strata, why_too_few
from mmdx.stats.significance.delong import delong_test
from mmdx.stats.significance.difference import ALPHA, paired_difference
from mmdx.stats.significance.mcnemar import mcnemar_test
from mmdx.stats.significance.permutation import permutation_p

AUROC = METRICS["auroc"]
RARE = 20
"""Patients of a class below which the intervals of rare strata draw them apart; `mmdx compare` does below five."""
GOOD, BETTER = 0.80, 0.85
LIKENESS, BETWEEN_MODELS, SHOWN = 0.7, 0.5, 0.6
PREVALENCE = 0.4
SLICES = 8


@dataclass(frozen=True)
class Draw:
    """One simulated cohort: labels, the scores of two models, and the patient of each row."""

    labels: Float[np.ndarray, "n"]
    scores: Float[np.ndarray, "2 n"]
    patients: Int[np.ndarray, "n"]


@dataclass(frozen=True)
class Setting:
    """How cohorts are drawn, and how many resamples and swaps are taken of each."""

    patients: int
    rows: int
    prevalence: float = PREVALENCE
    areas: tuple[float, float] = (GOOD, GOOD)
    resamples: int = 1000
    validated: int = 60

    def __str__(self) -> str:
        rows = "one row" if self.rows == 1 else f"{self.rows} slices"
        return f"{self.patients} patients of {rows}, {100 * self.prevalence:.0f} % with the finding"


def draw(rng: np.random.Generator, setting: Setting) -> Draw:
    count, rows = setting.patients, setting.rows
    patients = np.repeat(np.arange(count), rows)
    has = (rng.random(count) < setting.prevalence)[patients]
    labels = (has & (rng.random(count * rows) < (SHOWN if rows > 1 else 1))).astype(float)
    likeness = LIKENESS if rows > 1 else 0.0
    noise = math.sqrt(likeness) * alike(rng, count)[:, patients] + math.sqrt(1 - likeness) * alike(rng, count * rows)
    apart = math.sqrt(2) * norm.ppf(setting.areas)
    return Draw(labels, apart[:, None] * labels + noise, patients)


def alike(rng: np.random.Generator, count: int) -> Float[np.ndarray, "2 n"]:
    """Standard normal values of two models, correlated."""
    both, own = rng.normal(size=(1, count)), rng.normal(size=(2, count))
    return math.sqrt(BETWEEN_MODELS) * both + math.sqrt(1 - BETWEEN_MODELS) * own


def p_values(seed: Sequence[int], setting: Setting) -> dict[str, float]:
    """The p-value of each paired test on one pair of models; NaN where it is refused."""
    rng = np.random.default_rng(list(seed))
    here, there = draw(rng, setting), draw(rng, replace(setting, patients=setting.validated))
    labels, (first, second), patients = here.labels, here.scores, here.patients
    each_row = np.arange(len(labels))
    found = {} if setting.rows == 1 else {"DeLong, rows as patients": delong_test(labels, first, second, each_row).p}
    found["DeLong, by patient"] = delong_test(labels, first, second, patients).p
    found["bootstrap, by patient"] = bootstrap_p(here, setting, seed)
    swap = int(rng.integers(1 << 30))
    found["permutation, by patient"] = permutation_p(
        AUROC, labels, (first, second), patients, swaps=setting.resamples, seed=swap
    )
    own = [choose_threshold(there.labels, scores) for scores in there.scores]
    common = choose_threshold(np.tile(there.labels, 2), there.scores.ravel())
    for whose, thresholds in (("common", [common, common]), ("own", own)):
        name = f"{whose} threshold of {setting.validated} patients"
        right = [(scores >= at) == (labels == 1) for scores, at in zip(here.scores, thresholds, strict=True)]
        if setting.rows > 1:
            found[f"McNemar, rows as patients, {name}"] = mcnemar_test(right[0], right[1], each_row).p
        found[f"McNemar, by patient, {name}"] = mcnemar_test(right[0], right[1], patients).p
    return found


def bootstrap_p(here: Draw, setting: Setting, seed: Sequence[int]) -> float:
    exact, drawn = aurocs(here, setting.resamples, seed)
    refused = why_too_few(here.labels, here.patients)
    p = paired_difference(exact[0], exact[1], drawn[0], drawn[1], refused=refused).p
    return math.nan if p is None else p


def aurocs(
    here: Draw, resamples: int, seed: Sequence[int], *, models: int = 2, strata: Int[np.ndarray, "n"] | None = None
) -> tuple[list[float], Float[np.ndarray, "m r"]]:
    """The AUROC of each model, and over the same resamples of patients."""
    once = np.ones((1, len(here.labels)), dtype=np.int64)
    exact = [float(AUROC.function(here.labels, scores, once)[0]) for scores in here.scores[:models]]
    drawn = np.empty((models, resamples))
    stream = int(np.random.default_rng([*seed, 1]).integers(1 << 30))
    for place, weights in draw_patients(here.patients, resamples=resamples, seed=stream, strata=strata):
        for model in range(models):
            drawn[model, place] = AUROC.function(here.labels, here.scores[model], weights)
    return exact, drawn


def intervals(seed: Sequence[int], setting: Setting) -> dict[str, Estimate]:
    """The 95 % intervals of one model's AUROC: percentile and BCa, patients drawn freely and by strata."""
    here = draw(np.random.default_rng(list(seed)), setting)
    refused = why_too_few(here.labels, here.patients)
    without = (np.arange(setting.patients)[:, None] != here.patients).astype(np.int64)
    jackknife = AUROC.function(here.labels, here.scores[0], without)
    rare = rare_strata(here.labels[:, None], here.patients, below=RARE)
    (value,), (freely,) = aurocs(here, setting.resamples, seed, models=1)
    by_strata = aurocs(here, setting.resamples, seed, models=1, strata=rare)[1][0] if rare.any() else freely
    return {
        f"{name}{drawn_by}": estimate
        for drawn_by, drawn in (("", freely), (", rare strata", by_strata))
        for name, estimate in (
            ("percentile", interval(value, drawn, refused=refused)),
            ("BCa", bca_interval(value, drawn, jackknife, refused=refused)),
        )
    }


def wilson(count: int, of: int) -> str:
    """A share with its 95 % Wilson interval, in percent."""
    low, high = binomtest(count, of).proportion_ci(method="wilson")
    return f"{100 * count / of:.1f} % [{100 * low:.1f}, {100 * high:.1f}]"


def false_positives(resamples: int) -> list[Setting]:
    settings = [Setting(60, rows, resamples=resamples) for rows in (SLICES, 1)]
    return [*settings, Setting(60, SLICES, resamples=resamples, validated=600)]


def power(resamples: int) -> list[Setting]:
    sizes = [(60, SLICES), (120, SLICES), *((count, 1) for count in (60, 120, 250, 500))]
    return [Setting(count, rows, areas=(GOOD, BETTER), resamples=resamples) for count, rows in sizes]


def coverage(resamples: int) -> list[Setting]:
    every = itertools.product((1, SLICES), (0.05, 0.5), (20, 60, 500))
    return [Setting(count, rows, prevalence=share, resamples=resamples) for rows, share, count in every]


def tests_table(settings: Iterable[Setting], run: Callable, runs: int) -> None:
    print("| cohorts | test | p <= 0.05 | refused |\n|---|---|---|---|")
    for setting in settings:
        found: list[Mapping[str, float]] = run(p_values, setting, runs)
        for test in found[0]:
            p = np.array([each[test] for each in found])
            print(
                f"| {setting} | {test} | {wilson(int((p <= ALPHA).sum()), runs)} | {int(np.isnan(p).sum())} |",
                flush=True,
            )


def coverage_table(settings: Iterable[Setting], run: Callable, runs: int) -> None:
    print("| cohorts | interval | holds the truth | truth above | truth below | mean width | refused |")
    print("|---|---|---|---|---|---|---|")
    for setting in settings:
        found: list[Mapping[str, Estimate]] = run(intervals, setting, runs)
        for kind in found[0]:
            bounds = [(each[kind].low, each[kind].high) for each in found]
            given = np.array([pair for pair in bounds if None not in pair], dtype=float).reshape(-1, 2)
            row = ["–"] * 4
            if len(given):
                above, below = int((given[:, 1] < GOOD).sum()), int((given[:, 0] > GOOD).sum())
                shares = [f"{100 * each / len(given):.1f} %" for each in (above, below)]
                row = [wilson(len(given) - above - below, len(given)), *shares, f"{np.ptp(given, axis=1).mean():.3f}"]
            print(f"| {setting} | {kind} | {' | '.join(row)} | {100 * (1 - len(given) / runs):.1f} % |", flush=True)


PARTS = {
    "false_positives": (false_positives, tests_table),
    "coverage": (coverage, coverage_table),
    "power": (power, tests_table),
}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--resamples", type=int, default=1000, help="of the bootstrap, and swaps of the permutation")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args(arguments)
    with ProcessPoolExecutor(given.processes) as pool:

        def run(one: Callable, setting: Setting, runs: int) -> list:
            seeds = [
                (given.seed, setting.patients, setting.rows, round(100 * setting.prevalence), n) for n in range(runs)
            ]
            return list(pool.map(partial(one, setting=setting), seeds, chunksize=5))

        for part in given.only:
            settings, table = PARTS[part]
            print(f"\n{part}: {given.runs} runs, {given.resamples} resamples, seed {given.seed}\n")
            table(settings(given.resamples), run, given.runs)
    return 0


if __name__ == "__main__":
    sys.exit(main())
