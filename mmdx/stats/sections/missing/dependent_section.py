"""What is left when a modality is missing not by chance: curves by what absence depends on, and the worst of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from mmdx.stats.cohort.cohort import Cohort
from mmdx.stats.cohort.counts import leading, why_no_mean
from mmdx.stats.cohort.showings import Withheld, withheld
from mmdx.stats.comparison.drawn import Drawn
from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.comparison.sampled import mean_name
from mmdx.stats.metrics.registry import PRIMARY
from mmdx.stats.report.plots import colour
from mmdx.stats.report.section import Plot, Section
from mmdx.stats.report.tables import Sheet
from mmdx.stats.report.words import number, with_bounds, with_interval, with_test
from mmdx.stats.sections.missing.dependent import STRENGTHS, Dependence, dependences, dependent_curves

RATES = (0.1, 0.25, 0.5, 0.75, 0.9)
IN_TABLE = (0.25, 0.5, 0.75)
PASSES = 4
"""What a row costs here against a row of a metric that is sorted once."""


@dataclass(frozen=True)
class Dependent:
    """The curves of one modality that was withheld from one run, by way and rate; the first way is by chance."""

    pair: Withheld
    ways: Sequence[Dependence]
    curves: Mapping[tuple[int, float], Drawn]

    @property
    def worst(self) -> tuple[int, float]:
        """The way and the rate at which most is lost against absence by chance at the same rate."""
        return min(self.curves, key=lambda key: self.lost(*key))

    def lost(self, way: int, rate: float) -> float:
        """What a way at a rate adds to the AUROC of absence by chance; below zero where it is worse."""
        return self.curves[way, rate].value - self.curves[0, rate].value


def dependent_section(cohort: Cohort, resampler: Resampler) -> Section | None:
    """Curves for each modality that alone was withheld from a run's fullest showing; None where none was, or where the
    AUROC is undefined."""
    pairs, included = withheld(cohort), leading(cohort)
    if not pairs or not included or any(not cohort.compares(column) for column in included):
        return None
    refused, found = why_no_mean(cohort, included), []
    ways = [dependences(cohort, pair) for pair in pairs]
    looks = sum(len(of_pair) * len(cohort.scored[pair.full]) for pair, of_pair in zip(pairs, ways, strict=True))
    affordable = resampler.affordable(values=PASSES * 2 * len(cohort.patients) * len(included) * len(RATES) * looks)
    for pair, of_pair in zip(pairs, ways, strict=True):
        curves = dependent_curves(cohort, pair, of_pair, RATES, affordable, included)
        curves = {key: replace(drawn, refused=refused) for key, drawn in curves.items()}
        found.append(Dependent(pair, of_pair, curves))
    named = mean_name(cohort, included, PRIMARY)
    return Section(
        "missing_not_at_random",
        "Missing modalities: not by chance",
        tuple(_sentence(cohort, each, named) for each in found),
        tuple(_sheet(cohort, each, named) for each in found),
        tuple(_plot(cohort, each, named, number_of) for number_of, each in enumerate(found, start=1)),
        _notes(affordable.resamples, resampler.resamples),
        [_record(cohort, each) for each in found],
    )


def _sentence(cohort: Cohort, found: Dependent, named: str) -> str:
    worst, rate = found.worst
    way, value, by_chance = found.ways[worst], found.curves[worst, rate], found.curves[0, rate]
    run, modality = _run(cohort, found.pair), found.pair.modality
    share = f"{100 * rate:.0f} %"
    if worst == 0:
        return (
            f"{run} without {modality}: no way of lacking it that was reckoned costs more than lacking it by chance, "
            f"where the {named} is {with_bounds(by_chance.estimate)} at {share}."
        )
    difference = value.minus(by_chance)
    shown = "a difference was shown" if difference.shown else "no difference was shown"
    said = f": {shown}" if difference.p is not None else ""
    return (
        f"At worst, of the ways that were reckoned, {run} loses {modality} {way.said} (odds {way.strength:g} times as "
        f"high): with {share} of studies lacking it the {named} is then {with_bounds(value.estimate)}, against "
        f"{number(by_chance.value)} where they lack it by chance, a difference of {_tested(difference)}{said}."
    )


def _tested(difference: Any) -> str:
    return number(difference.estimate.value) if difference.p is None else with_test(difference)


def _run(cohort: Cohort, pair: Withheld) -> str:
    arm = cohort.arms[pair.full]
    return arm.run if arm.name != arm.shown else arm.shown


def _title(way: Dependence) -> str:
    return way.said if way.strength == 1 else f"{way.said}, odds × {way.strength:g}"


def _sheet(cohort: Cohort, found: Dependent, named: str) -> Sheet:
    rows = [
        (_title(way), *(with_interval(found.curves[place, rate].estimate) for rate in IN_TABLE))
        for place, way in enumerate(found.ways)
    ]
    header = (f"{found.pair.modality} is missing", *(f"in {100 * rate:.0f} %" for rate in IN_TABLE))
    title = f"{named[0].upper()}{named[1:]} of {_run(cohort, found.pair)} by who lacks {found.pair.modality}"
    return Sheet(title, header, tuple(rows))


def _plot(cohort: Cohort, found: Dependent, named: str, number_of: int) -> Plot:
    """By chance and the strongest dependences; bands on the line by chance and on that of the worst."""
    drawn = [place for place, way in enumerate(found.ways) if way.strength in (1, STRENGTHS[-1])]
    caption = (
        f"Solid: {found.pair.modality} is missing by chance. Dashed: more often as named, the odds {STRENGTHS[-1]:g} "
        "times as high. Bands: 95 % intervals over patients, by chance and of the worst of these."
    )
    rows = [
        (found.ways[place].said, found.ways[place].strength, rate, e.value, e.low, e.high)
        for (place, rate), each in found.curves.items()
        for e in (each.estimate,)
    ]
    numbers = pd.DataFrame(rows, columns=["lacking", "odds", "rate", "auroc", "low", "high"])
    title = f"When {found.pair.modality} is missing, and not by chance"
    name = f"missing_not_at_random_{number_of}"
    size = (7.2, 3.8 + 0.22 * len(drawn))
    return Plot(name, title, caption, numbers, partial(_draw, found, drawn, named), size)


def _draw(found: Dependent, drawn: Sequence[int], named: str, figure: Figure) -> None:
    axes, rates = figure.subplots(), [100 * rate for rate in RATES]
    # The worst is of the strongest dependences, but where strength takes a curve back to that by chance.
    strongest = min(drawn, key=lambda place: min(found.lost(place, rate) for rate in RATES))
    for series, place in enumerate(drawn):
        estimates = [found.curves[place, rate].estimate for rate in RATES]
        style, width = ("-", 2.0) if place == 0 else ("--", 1.4)
        values = [estimate.value for estimate in estimates]
        title = found.ways[place].said.removeprefix("more often ")
        axes.plot(rates, values, color=colour(series, axes), linestyle=style, linewidth=width, label=title)
        bounds = [(estimate.low, estimate.high) for estimate in estimates]
        if place in (0, strongest) and all(low is not None for low, _ in bounds):
            shade = colour(series, axes)
            axes.fill_between(rates, *np.array(bounds, dtype=float).T, color=shade, alpha=0.15, linewidth=0)
    axes.set_xlabel("studies that lack it (%)")
    axes.set_ylabel(named)
    axes.set_xlim(0, 100)
    figure.legend(loc="outside lower center", ncols=1 if len(drawn) < 3 else 2)


def _notes(affordable: int, resamples: int) -> tuple[str, ...]:
    odds = " and ".join(f"{strength:g}" for strength in STRENGTHS)
    notes = [
        "The chance of a study to lack the modality is logistic in the finding, in the score with the modality, or, "
        "where the studies have such a trait, in how common the finding is at their site, or in age. The odds are "
        f"{odds} times as high with the finding as without, or two standard deviations further up; of several findings "
        "each goes by itself.",
        "The value is the AUROC to be expected over all ways of losing it. The worst of several ways is looked for, so "
        "that its p-value is not corrected: it says how bad it may get, not what happens anywhere.",
    ]
    if affordable < resamples:
        notes.append(f"These intervals stand on {affordable} resamples and not {resamples}, for time.")
    return tuple(notes)


def _record(cohort: Cohort, found: Dependent) -> dict[str, Any]:
    worst, rate = found.worst
    return {
        "checkpoint": cohort.arms[found.pair.full].name,
        "without": cohort.arms[found.pair.without].name,
        "modality": found.pair.modality,
        "curves": [
            {"lacking": way.said, "odds": way.strength}
            | {"curve": [{"rate": r} | found.curves[place, r].estimate.to_json() for r in RATES]}
            for place, way in enumerate(found.ways)
        ],
        "worst": {"lacking": found.ways[worst].said, "odds": found.ways[worst].strength, "rate": rate},
    }
