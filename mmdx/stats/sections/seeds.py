"""Trainings: how a result varies over trainings of the same config, beside how it would vary with other patients.

The two are told apart and never added: more seeds make neither the patients more nor the interval over them narrower.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from mmdx.stats.cohort.cohort import Cohort
from mmdx.stats.comparison.drawn import Drawn, Sampled
from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.comparison.sampled import both_classes, mean_name, sample, why_no_mean
from mmdx.stats.metrics.registry import METRICS, PRIMARY
from mmdx.stats.report.plots import TEXT, colour, mark, short
from mmdx.stats.report.section import Plot, Section
from mmdx.stats.report.tables import Sheet
from mmdx.stats.report.words import bounds, counted, number, with_interval
from mmdx.stats.resampling.intervals import nullable

SCORED = (PRIMARY.name, "ap")


@dataclass(frozen=True)
class Trainings:
    """One metric of an arm by training, and their mean over resamples of the patients."""

    name: str
    values: tuple[float, ...]
    mean: Drawn

    @property
    def sd(self) -> float:
        """The standard deviation over trainings, n - 1 below."""
        return float(np.std(self.values, ddof=1))


def seeds_section(cohort: Cohort, resampler: Resampler) -> Section | None:
    """Every arm that was trained more than once; None where none was."""
    arms = [arm for arm in range(len(cohort.arms)) if len(cohort.scored[arm]) > 1]
    if not arms:
        return None
    included = both_classes(cohort.labels)
    refused = why_no_mean(cohort, included)
    trainings = sum(len(cohort.scored[arm]) for arm in arms)
    affordable = resampler.affordable(values=cohort.labels.size * trainings * len(SCORED))
    found = {}
    for metric in SCORED:
        sampled = sample(cohort, METRICS[metric], arms, affordable)
        found[metric] = [_trainings(cohort, a, s, included, refused) for a, s in zip(arms, sampled, strict=True)]
    differences = _differences(cohort, arms, found[PRIMARY.name])
    named = mean_name(cohort, included, PRIMARY)
    notes = [
        "The SD is over trainings, on the same patients; the interval is over patients, of the mean of the trainings."
    ]
    if affordable.resamples < resampler.resamples:
        notes.append(
            f"These intervals stand on {affordable.resamples} resamples and not {resampler.resamples}, for time."
        )
    return Section(
        "seeds",
        "Trainings",
        tuple(_sentences(found[PRIMARY.name], differences, named)),
        tuple(_sheet(found[metric], METRICS[metric].title) for metric in SCORED),
        (_plot(arms, found[PRIMARY.name], named),),
        tuple(notes),
        {"arms": {metric: [_record(each) for each in found[metric]] for metric in SCORED}}
        | {"differences": [_record(each) for each in differences]},
    )


def _trainings(cohort: Cohort, arm: int, sampled: Sampled, included: Sequence[int], refused: str | None) -> Trainings:
    values = tuple(sampled.training(k).macro(included).value for k in range(len(cohort.scored[arm])))
    return Trainings(cohort.arms[arm].name, values, sampled.macro(included, refused=refused))


def _differences(cohort: Cohort, arms: Sequence[int], found: Sequence[Trainings]) -> list[Trainings]:
    """The reference minus each other arm of as many trainings, seed by seed."""
    if not cohort.models or cohort.models[0] not in arms:
        return []
    reference = found[arms.index(cohort.models[0])]
    return [
        Trainings(
            f"{reference.name} minus {each.name}",
            tuple(a - b for a, b in zip(reference.values, each.values, strict=True)),
            Drawn(
                reference.mean.value - each.mean.value,
                reference.mean.resampled - each.mean.resampled,
                reference.mean.refused,
            ),
        )
        for each in found
        if each is not reference and len(each.values) == len(reference.values)
    ]


def _sentences(found: Sequence[Trainings], differences: Sequence[Trainings], named: str) -> list[str]:
    if math.isnan(found[0].mean.value):
        return [f"The {named} is undefined in every training."]
    said = [
        f"{each.name}: over {counted(len(each.values), 'training')} the {named} is {_spread(each)}; over patients, "
        f"which is another matter, {bounds(each.mean.estimate)}."
        for each in found
    ]
    for each in differences:
        above = sum(value > 0 for value in each.values)
        said.append(
            f"{each.name}, seed by seed: {_spread(each)}, above 0 in {above} of {len(each.values)}; over patients "
            f"{bounds(each.mean.estimate)}."
        )
    return said


def _spread(each: Trainings) -> str:
    extremes = f"{number(min(each.values))} to {number(max(each.values))}"
    return f"{number(each.mean.value)} on average with an SD of {number(each.sd)} ({extremes})"


def _sheet(found: Sequence[Trainings], title: str) -> Sheet:
    header = ("model", "trainings", "mean [over patients]", "SD over trainings", "lowest", "highest")
    rows = [
        (
            *(each.name, str(len(each.values)), with_interval(each.mean.estimate)),
            *map(_cell, (each.sd, min(each.values), max(each.values))),
        )
        for each in found
    ]
    return Sheet(f"{title} over trainings", header, tuple(rows))


def _cell(value: float) -> str:
    return "undefined" if math.isnan(value) else number(value)


def _plot(arms: Sequence[int], found: Sequence[Trainings], named: str) -> Plot:
    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for place, (arm, each) in enumerate(zip(arms, found, strict=True)):
            estimate, ink = each.mean.estimate, colour(arm)
            if estimate.low is not None and estimate.high is not None:
                axes.plot([estimate.low, estimate.high], [place + 0.22] * 2, color=ink, linewidth=1.4)
            axes.plot(estimate.value, place + 0.22, "|", color=ink, markersize=9, markeredgewidth=1.6)
            marks = [place - 0.12] * len(each.values)
            axes.plot(each.values, marks, mark(arm), color=ink, markerfacecolor="none", markersize=6)
        axes.set_yticks(range(len(found)), [short(each.name) for each in found], color=TEXT)
        axes.set_ylim(len(found) - 0.4, -0.6)
        axes.tick_params(axis="y", length=0)
        axes.grid(visible=False, axis="y")
        axes.set_xlabel(named)

    rows = [(each.name, k, value) for each in found for k, value in enumerate(each.values)]
    caption = "A mark a training; below them their mean with its 95 % interval over patients."
    numbers = pd.DataFrame(rows, columns=["model", "training", PRIMARY.name])
    return Plot("seeds", "Trainings", caption, numbers, draw, (7.2, 0.55 * len(found) + 0.7))


def _record(each: Trainings) -> dict[str, Any]:
    return {
        "name": each.name,
        "trainings": [nullable(value) for value in each.values],
        "sd": nullable(each.sd),
        "mean": each.mean.estimate.to_json(),
    }
