"""Trainings: how a result varies over trainings of the same config, beside how it would vary with other patients.

More seeds make neither the patients more nor the interval over them narrower. What another training, tested on other
patients, may give is the interval over both (`resampling/trainings.py`).
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
from mmdx.stats.cohort.counts import leading, why_no_mean
from mmdx.stats.comparison.drawn import Drawn, Sampled
from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.comparison.sampled import mean_name, sample
from mmdx.stats.metrics.registry import METRICS, PRIMARY
from mmdx.stats.report.plots import TEXT, colour, mark, short
from mmdx.stats.report.section import Plot, Section
from mmdx.stats.report.tables import Sheet
from mmdx.stats.report.words import bounds, counted, number, with_interval
from mmdx.stats.resampling.intervals import Estimate, nullable
from mmdx.stats.resampling.trainings import over_both

SCORED = (PRIMARY.name, "ap")


@dataclass(frozen=True)
class Trainings:
    """One metric of an arm by training, and their mean over resamples of the patients; `least` is the lowest that the
    metric, or a difference of it, can be."""

    name: str
    values: tuple[float, ...]
    mean: Drawn
    least: float = 0.0

    @property
    def sd(self) -> float:
        """The standard deviation over trainings, n - 1 below."""
        return float(np.std(self.values, ddof=1))

    @property
    def both(self) -> Estimate:
        """The mean with its interval over trainings and patients together."""
        return over_both(np.array(self.values), self.mean.estimate, least=self.least)


def seeds_section(cohort: Cohort, resampler: Resampler) -> Section | None:
    """Every arm that was trained more than once; None where none was."""
    arms = [arm for arm in range(len(cohort.arms)) if len(cohort.scored[arm]) > 1]
    if not arms:
        return None
    included = leading(cohort)
    refused = why_no_mean(cohort, included)
    trainings = sum(len(cohort.scored[arm]) for arm in arms)
    affordable = resampler.affordable(values=cohort.labels.size * trainings * len(SCORED))
    by_metric = {}
    for metric in SCORED:
        sampled = sample(cohort, METRICS[metric], arms, affordable)
        by_metric[metric] = [_trainings(cohort, a, s, included, refused) for a, s in zip(arms, sampled, strict=True)]
    differences = _differences(cohort, arms, by_metric[PRIMARY.name])
    named = mean_name(cohort, included, PRIMARY)
    notes = [
        "The SD is over trainings, on the same patients. The interval over patients is of the mean of these trainings; "
        "that over both adds the variance of the trainings, over their number, to the variance over patients, with the "
        "quantile of Student's t (Satterthwaite): it is for other trainings of the config, tested on other patients."
    ]
    if affordable.resamples < resampler.resamples:
        notes.append(
            f"These intervals stand on {affordable.resamples} resamples and not {resampler.resamples}, for time."
        )
    return Section(
        "seeds",
        "Trainings",
        tuple(_sentences(by_metric[PRIMARY.name], differences, named)),
        tuple(_sheet(by_metric[metric], METRICS[metric].title) for metric in SCORED),
        (_plot(arms, by_metric[PRIMARY.name], named),),
        tuple(notes),
        {"arms": {metric: [_record(trainings) for trainings in by_metric[metric]] for metric in SCORED}}
        | {"differences": [_record(trainings) for trainings in differences]},
    )


def _trainings(cohort: Cohort, arm: int, sampled: Sampled, included: Sequence[int], refused: str | None) -> Trainings:
    values = tuple(sampled.training(k).macro(included).value for k in range(len(cohort.scored[arm])))
    return Trainings(cohort.arms[arm].name, values, sampled.macro(included, refused=refused))


def _differences(cohort: Cohort, arms: Sequence[int], trainings: Sequence[Trainings]) -> list[Trainings]:
    """The reference minus each other arm of as many trainings, seed by seed."""
    if not cohort.models or cohort.models[0] not in arms:
        return []
    reference = trainings[arms.index(cohort.models[0])]
    return [
        Trainings(
            f"{reference.name} minus {other.name}",
            tuple(a - b for a, b in zip(reference.values, other.values, strict=True)),
            Drawn(
                reference.mean.value - other.mean.value,
                reference.mean.resampled - other.mean.resampled,
                reference.mean.refused,
            ),
            least=-1.0,
        )
        for other in trainings
        if other is not reference and len(other.values) == len(reference.values)
    ]


def _sentences(trainings: Sequence[Trainings], differences: Sequence[Trainings], named: str) -> list[str]:
    if math.isnan(trainings[0].mean.value):
        return [f"The {named} is undefined in every training."]
    sentences = [
        f"{arm.name}: over {counted(len(arm.values), 'training')} the {named} is {_spread(arm)}; over patients "
        f"{bounds(arm.mean.estimate)}, over patients and trainings {bounds(arm.both)}."
        for arm in trainings
    ]
    for arm in differences:
        above = sum(value > 0 for value in arm.values)
        sentences.append(
            f"{arm.name}, seed by seed: {_spread(arm)}, above 0 in {above} of {len(arm.values)}; over patients "
            f"{bounds(arm.mean.estimate)}, over patients and trainings {bounds(arm.both)}{_verdict(arm.both)}."
        )
    return sentences


def _verdict(both: Estimate) -> str:
    """Whether an interval of a difference over both leaves out zero."""
    if both.low is None or both.high is None:
        return ""
    if both.low <= 0 <= both.high:
        return ": for other trainings on other patients no difference is shown"
    return ": it leaves out zero also for other trainings on other patients (not corrected for many comparisons)"


def _spread(trainings: Trainings) -> str:
    extremes = f"{number(min(trainings.values))} to {number(max(trainings.values))}"
    return f"{number(trainings.mean.value)} on average with an SD of {number(trainings.sd)} ({extremes})"


def _sheet(trainings: Sequence[Trainings], title: str) -> Sheet:
    header = ("model", "trainings", "mean [over patients]", "[over both]", "SD over trainings", "lowest", "highest")
    rows = [
        (
            *(arm.name, str(len(arm.values)), with_interval(arm.mean.estimate), _bracket(arm.both)),
            *map(_cell, (arm.sd, min(arm.values), max(arm.values))),
        )
        for arm in trainings
    ]
    return Sheet(f"{title} over trainings", header, tuple(rows))


def _bracket(estimate: Estimate) -> str:
    """The interval alone, as it stands after a value."""
    text = with_interval(estimate)
    return text[text.index("[") :] if "[" in text else text


def _cell(value: float) -> str:
    return "undefined" if math.isnan(value) else number(value)


def _plot(arms: Sequence[int], trainings: Sequence[Trainings], named: str) -> Plot:
    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for place, (arm, of_arm) in enumerate(zip(arms, trainings, strict=True)):
            estimate, both, ink = of_arm.mean.estimate, of_arm.both, colour(arm)
            if estimate.low is not None and estimate.high is not None:
                axes.plot([estimate.low, estimate.high], [place + 0.22] * 2, color=ink, linewidth=2.6)
            if both.low is not None and both.high is not None:
                axes.plot([both.low, both.high], [place + 0.22] * 2, color=ink, linewidth=0.9)
            axes.plot(estimate.value, place + 0.22, "|", color=ink, markersize=9, markeredgewidth=1.6)
            marks = [place - 0.12] * len(of_arm.values)
            axes.plot(of_arm.values, marks, mark(arm), color=ink, markerfacecolor="none", markersize=6)
        axes.set_yticks(range(len(trainings)), [short(of_arm.name) for of_arm in trainings], color=TEXT)
        axes.set_ylim(len(trainings) - 0.4, -0.6)
        axes.tick_params(axis="y", length=0)
        axes.grid(visible=False, axis="y")
        axes.set_xlabel(named)

    rows = [(of_arm.name, k, value) for of_arm in trainings for k, value in enumerate(of_arm.values)]
    bars = any(of_arm.mean.estimate.low is not None for of_arm in trainings)
    interval = (
        " with its 95 % intervals over patients (thick) and over patients and trainings (thin)"
        if bars
        else ", which has no interval"
    )
    caption = f"One mark per training; below them their mean{interval}."
    numbers = pd.DataFrame(rows, columns=["model", "training", PRIMARY.name])
    return Plot("seeds", "Trainings", caption, numbers, draw, (7.2, 0.55 * len(trainings) + 0.7))


def _record(trainings: Trainings) -> dict[str, Any]:
    return {
        "name": trainings.name,
        "trainings": [nullable(value) for value in trainings.values],
        "sd": nullable(trainings.sd),
        "mean": trainings.mean.estimate.to_json(),
        "both": trainings.both.to_json(),
    }
