"""Folds: how a result varies over the models of a cross-validation, beside how it would vary with other patients."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mmdx.stats.cohort.cohort import Cohort
from mmdx.stats.cohort.counts import leading
from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.comparison.sampled import mean_name
from mmdx.stats.metrics.folds import same_folds
from mmdx.stats.metrics.registry import METRICS, PRIMARY
from mmdx.stats.report.section import Section
from mmdx.stats.report.tables import Sheet
from mmdx.stats.report.words import bracketed, number, p_cell, p_value
from mmdx.stats.sections.folds.corrected import Corrected, corrected_difference
from mmdx.stats.sections.folds.sites import Sites, over_sites, read_sites, site_sentences, site_sheets
from mmdx.stats.sections.folds.spread import Spread, spread_cell, spread_over
from mmdx.stats.significance.corrections import Key
from mmdx.stats.significance.difference import ALPHA, holm

SCORED = (PRIMARY.name, "ap")
CORRECTED = (
    "The corrected resampled t-test (Nadeau and Bengio 2003; Bouckaert and Frank 2004) asks whether one model would be "
    "better than the other when both learn from other patients; the intervals over patients take the models as they "
    "are. It puts the variance of the mean of J differences at 1 / J + n2 / n1 times theirs, n2 patients being tested "
    "and n1 learned from, and has J - 1 degrees of freedom. It is about the mean over folds, each counting alike."
)
BY_SITE = (
    "Each site is tested by a model that learned from the others. Intervals by site are over its patients; over sites "
    "they are those of random effects (DerSimonian and Laird 1986), each site weighing by its variance over patients "
    "and that between sites. Sites without an interval, or whose value no resample changes, are not in it. I² is the "
    "share of the variance that is between sites; nothing by site is corrected for many comparisons."
)


def folds_section(cohort: Cohort, resampler: Resampler) -> Section | None:
    """The primary finding, or the macro means, by fold of every model that was cross-validated; None where none was.

    Where each fold tests a site, also with intervals by site. Raises `DataError` where a fold's file is bad.
    """
    by_arm = _spreads(cohort)
    if not by_arm:
        return None
    rows = [(name, *(spread_cell(spread) for spread in spreads.values())) for name, spreads in by_arm.items()]
    counts = {len(spread.values) for spreads in by_arm.values() for spread in spreads.values()}
    count = f"{counts.pop()} folds" if len(counts) == 1 else "folds"
    named = "Macro means" if cohort.primary_finding is None else cohort.primary_finding
    sheet = Sheet(f"{named} over {count}: mean [lowest, highest]", ("model", *_titles()), tuple(rows))
    run = Path(cohort.arms[cohort.models[0]].source).parent.parent
    tests = _tests(cohort, [place for place in cohort.models if cohort.arms[place].name in by_arm], run)
    sites = _sites(cohort, run, resampler)
    notes = (
        "Each fold is scored by its own model, on its own patients. How folds differ is no interval: their training "
        "sets overlap, and few patients are in each. It is never added to the intervals over patients, which are over "
        "the patients of all folds.",
        *(("Of several trainings the first is shown by fold.",) if any(arm.seeds > 1 for arm in cohort.arms) else ()),
        *((CORRECTED,) if tests else ()),
        *((BY_SITE,) if sites is not None else ()),
    )
    record = {
        name: {metric: spread.to_json() for metric, spread in spreads.items()} for name, spreads in by_arm.items()
    }
    return Section(
        "folds",
        "Folds",
        (*_sentences(cohort, tests), *(site_sentences(sites) if sites is not None else [])),
        (sheet, *_test_sheets(cohort, tests), *(site_sheets(sites) if sites is not None else [])),
        notes=notes,
        record=record
        | {"corrected": {name: test.to_json() | {"p_holm": holm} for name, (test, holm) in tests.items()}}
        | {"sites": None if sites is None else sites.to_json()},
    )


def _spreads(cohort: Cohort) -> dict[str, dict[str, Spread]]:
    """How every model that was cross-validated spreads over its folds, by metric."""
    by_arm: dict[str, dict[str, Spread]] = {}
    read: dict[tuple[Path, ...], dict[Key, Spread]] = {}
    for place in cohort.models:
        arm = cohort.arms[place]
        path = Path(arm.source)
        run = path.parent.parent
        parts = tuple(sorted(run.glob(f"fold-*/predictions/{path.name}"), key=lambda part: int(part.parts[-3][5:])))
        if (run / "folds.csv").is_file() and parts:
            if parts not in read:
                read[parts] = spread_over(parts)
            by_arm[arm.name] = {metric: read[parts][arm.shown, metric, cohort.primary_finding] for metric in SCORED}
    return by_arm


def _tests(cohort: Cohort, crossed: list[int], run: Path) -> dict[str, tuple[Corrected, float]]:
    """The corrected test of the reference and each other cross-validated model, with its p-value after Holm."""
    if cohort.models[0] not in crossed:
        return {}
    tests: dict[str, Corrected] = {}
    for arm in crossed[1:]:
        test = corrected_difference(cohort, arm, leading(cohort), run)
        if test is not None:
            tests[cohort.arms[arm].name] = test
    corrected = holm([test.p for test in tests.values()])
    return {name: (test, p) for (name, test), p in zip(tests.items(), corrected, strict=True)}


def _sentences(cohort: Cohort, tests: Mapping[str, tuple[Corrected, float]]) -> list[str]:
    """A sentence per model that was shown to differ from the reference, and one on the others."""
    reference, named = cohort.arms[cohort.models[0]].name, mean_name(cohort, leading(cohort), PRIMARY)
    told: dict[bool, list[str]] = {True: [], False: []}
    for name, (test, p) in tests.items():
        deals = f" of {test.deals} deals" if test.deals > 1 else ""
        told[p <= ALPHA].append(
            f"{name} ({number(test.value)} on average over {test.folds} folds{deals}, 95 % interval {number(test.low)} "
            f"to {number(test.high)}, {p_value(p)})"
        )
    head = (
        f"Fold by fold, for models that learn from other patients, too (difference of the {named}; corrected t-test):"
    )
    shown = [f"{head} {reference} was shown to differ from {'; '.join(told[True])}."] if told[True] else []
    if told[False]:
        opening = "No" if shown else f"{head} no"
        shown.append(f"{opening} difference was shown of {reference} to {'; '.join(told[False])}.")
    return shown


def _test_sheets(cohort: Cohort, tests: Mapping[str, tuple[Corrected, float]]) -> list[Sheet]:
    if not tests:
        return []
    reference = cohort.arms[cohort.models[0]].name
    rows = [
        (name, bracketed(test.value, test.low, test.high), str(test.folds), str(test.deals), p_cell(test.p), p_cell(p))
        for name, (test, p) in tests.items()
    ]
    header = ("minus", f"difference of {PRIMARY.title}", "folds", "deals", "p", "p (Holm)")
    return [Sheet(f"{reference} minus the others, fold by fold", header, tuple(rows))]


def _sites(cohort: Cohort, run: Path, resampler: Resampler) -> Sites | None:
    """Values by site, where the folds of the reference are sites; of the models that have the same folds."""
    names, folds = read_sites(run), cohort.scored[cohort.models[0]][0].folds
    if names is None or folds is None:
        return None
    arms = [arm for arm in cohort.models if all(same_folds(folds, scored.folds) for scored in cohort.scored[arm])]
    return over_sites(cohort, arms, names, resampler)


def _titles() -> list[str]:
    return [METRICS[metric].title for metric in SCORED]
