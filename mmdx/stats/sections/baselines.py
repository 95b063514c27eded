"""Baselines that could embarrass: the reference beside answers that ask for no deep model."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from matplotlib.figure import Figure

from mmdx.stats.claims import number
from mmdx.stats.cohort import Cohort
from mmdx.stats.forest_axes import ForestRow, draw_forest, forest_numbers, height
from mmdx.stats.macro import Drawn, affordable, both_classes, mean_name, record_of, sample, why_no_mean
from mmdx.stats.metrics import METRICS
from mmdx.stats.phrases import counted, listed, p_cell, with_test
from mmdx.stats.section import Plot, Section
from mmdx.stats.tables import Sheet, with_interval
from mmdx.stats.tests import Difference, holm

SCORED = ("auroc", "ap", "log_loss")
AUROC = METRICS["auroc"]


@dataclass(frozen=True)
class Beside:
    """One baseline: its values by metric, and the reference minus it in AUROC, corrected for their number."""

    name: str
    values: Mapping[str, Drawn]
    difference: Difference

    @property
    def beaten(self) -> bool:
        return self.difference.shown and self.difference.estimate.value > 0


def baselines_section(cohort: Cohort, *, resamples: int, seed: int) -> Section | None:
    """Every baseline beside the reference; None without a model or a baseline.

    `record["unbeaten"]` names the baselines that the reference was not shown to beat in macro AUROC.
    """
    baselines = [number for number, arm in enumerate(cohort.arms) if arm.kind == "baseline"]
    if not baselines or not cohort.models:
        return None
    arms, included = [cohort.models[0], *baselines], both_classes(cohort.labels)
    trainings = sum(len(cohort.scored[arm]) for arm in arms)
    made = affordable(resamples, values=cohort.labels.size * trainings * len(SCORED))
    refused = why_no_mean(cohort, included)
    values: list[dict[str, Drawn]] = [{} for _ in arms]
    for metric in SCORED:
        for of_arm, sampled in zip(
            values, sample(cohort, METRICS[metric], arms, resamples=made, seed=seed), strict=True
        ):
            of_arm[metric] = sampled.macro(included, refused=refused)
    reference, names, named = values[0], [cohort.arms[arm].name for arm in arms], mean_name(cohort, included, AUROC)
    found = _corrected(
        [
            Beside(name, of_arm, reference["auroc"].minus(of_arm["auroc"]))
            for name, of_arm in zip(names[1:], values[1:], strict=True)
        ]
    )
    return Section(
        "baselines",
        "Baselines",
        tuple(_sentences(names[0], reference["auroc"], found, named)),
        (_sheet(names[0], reference, found),),
        (_plot(names[0], reference["auroc"], found, named),),
        _notes(found, made, resamples),
        {
            "reference": names[0],
            "unbeaten": [each.name for each in found if not each.beaten],
            "baselines": [_record(each) for each in found],
        },
    )


def _corrected(found: Sequence[Beside]) -> list[Beside]:
    """The p-values after Holm, where there are several."""
    if len(found) < 2:
        return list(found)
    p_values = holm([math.nan if each.difference.p is None else each.difference.p for each in found])
    return [
        each if math.isnan(p) else replace(each, difference=replace(each.difference, corrected=p))
        for each, p in zip(found, p_values, strict=True)
    ]


def _sentences(name: str, reference: Drawn, found: Sequence[Beside], named: str) -> list[str]:
    """One for each baseline that was not beaten, then one for those that were."""
    said = [_unbeaten(name, reference, each, named) for each in found if not each.beaten]
    beaten = sorted((each for each in found if each.beaten), key=lambda each: each.difference.estimate.value)
    if beaten:
        closest = f"; the closest is {beaten[0].name}" if len(beaten) > 1 else ""
        which = listed([each.name for each in found if each.beaten])
        said.append(f"{name} beats {which}{closest}: {_numbers(reference, beaten[0], named)}.")
    return said


def _unbeaten(name: str, reference: Drawn, each: Beside, named: str) -> str:
    estimate = each.difference.estimate
    if math.isnan(estimate.value):
        return f"{name} does not beat {each.name}: the {named} is undefined."
    if each.difference.shown:
        return f"{name} does not beat {each.name}, it is worse: {_numbers(reference, each, named)}."
    verdict = "was not shown to beat" if estimate.value > 0 else "does not beat"
    return f"{name} {verdict} {each.name}: {_numbers(reference, each, named)}."


def _numbers(reference: Drawn, each: Beside, named: str) -> str:
    pair = f"{named} {number(reference.value)} against {number(each.values['auroc'].value)}"
    return f"{pair}, a difference of {with_test(each.difference)}"


def _sheet(name: str, reference: Mapping[str, Drawn], found: Sequence[Beside]) -> Sheet:
    titles = [METRICS[metric].title for metric in SCORED]
    rows = [(name, *(with_interval(reference[metric].estimate) for metric in SCORED), "–", "–")]
    rows += [
        (
            *(each.name, *(with_interval(each.values[metric].estimate) for metric in SCORED)),
            *(with_interval(each.difference.estimate), p_cell(each.difference.stated)),
        )
        for each in found
    ]
    return Sheet("Baselines", ("model", *titles, f"{name} minus it, AUROC", "p"), tuple(rows))


def _plot(name: str, reference: Drawn, found: Sequence[Beside], named: str) -> Plot:
    rows = [ForestRow(name, reference.estimate)]
    rows += [ForestRow(each.name, each.values["auroc"].estimate, 1) for each in found]

    def draw(figure: Figure) -> None:
        marked = [] if math.isnan(reference.value) else [reference.value]
        draw_forest(figure.subplots(), rows, label=named, marked=marked)

    caption = f"With 95 % intervals over patients; the dashed line is {name}."
    return Plot("baselines", "Baselines", caption, forest_numbers(rows), draw, (7.2, height(rows)))


def _notes(found: Sequence[Beside], made: int, resamples: int) -> tuple[str, ...]:
    said = ["A baseline counts as beaten where the paired difference in AUROC was shown to be above 0."]
    if len(found) > 1:
        said.append(f"The p-values are corrected for {counted(len(found), 'baseline')} (Holm); the intervals are not.")
    if made < resamples:
        said.append(f"These intervals stand on {made} resamples and not {resamples}, for time.")
    return tuple(said)


def _record(each: Beside) -> dict[str, Any]:
    return {
        "baseline": each.name,
        "beaten": each.beaten,
        "values": {name: record_of(drawn.estimate) for name, drawn in each.values.items()},
        "difference": record_of(each.difference.estimate),
        "p": each.difference.p,
        "p_holm": each.difference.corrected,
    }
