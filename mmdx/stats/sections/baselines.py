"""Baselines that could embarrass: the reference beside answers that ask for no deep model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mmdx.stats.comparison.compare import Comparison
from mmdx.stats.metrics.registry import METRICS, PRIMARY
from mmdx.stats.report.claims import subject
from mmdx.stats.report.forest import ForestLine, forest_plot
from mmdx.stats.report.section import Plot, Section
from mmdx.stats.report.tables import Sheet
from mmdx.stats.report.words import counted, listed, number, p_cell, with_interval, with_test
from mmdx.stats.resampling.intervals import Estimate
from mmdx.stats.significance.difference import Difference

SCORED = (PRIMARY.name, "ap", "log_loss")


@dataclass(frozen=True)
class Beside:
    """One baseline: its macro means by metric, and the reference minus it in AUROC."""

    name: str
    values: dict[str, Estimate]
    difference: Difference

    @property
    def beaten(self) -> bool:
        return self.difference.shown and self.difference.estimate.value > 0


def baselines_section(comparison: Comparison) -> Section | None:
    """Every baseline beside the reference, with the numbers of the comparison; None without a baseline.

    `record["unbeaten"]` names the baselines that the reference was not shown to beat in macro AUROC.
    """
    if not comparison.baselines:
        return None
    reference, named = comparison.reference.name, subject(comparison, PRIMARY.name, None)
    ours = _values(comparison, reference)
    found = [
        Beside(arm.name, _values(comparison, arm.name), comparison.differences[arm.name, PRIMARY.name, None])
        for arm in comparison.baselines
    ]
    return Section(
        "baselines",
        "Baselines",
        tuple(_sentences(reference, ours[PRIMARY.name], found, named)),
        (_sheet(reference, ours, found),),
        (_plot(reference, ours[PRIMARY.name], found, named),),
        _notes(found),
        {
            "reference": reference,
            "unbeaten": [each.name for each in found if not each.beaten],
            "baselines": [_record(each) for each in found],
        },
    )


def _values(comparison: Comparison, arm: str) -> dict[str, Estimate]:
    return {metric: comparison.estimates[arm, metric, None] for metric in SCORED}


def _sentences(name: str, reference: Estimate, found: Sequence[Beside], named: str) -> list[str]:
    """One for each baseline that was not beaten, then one for those that were."""
    said = [_unbeaten(name, reference, each, named) for each in found if not each.beaten]
    beaten = sorted((each for each in found if each.beaten), key=lambda each: each.difference.estimate.value)
    if beaten:
        closest = f"; the closest is {beaten[0].name}" if len(beaten) > 1 else ""
        which = listed([each.name for each in found if each.beaten])
        said.append(f"{name} beats {which}{closest}: {_numbers(reference, beaten[0], named)}.")
    return said


def _unbeaten(name: str, reference: Estimate, each: Beside, named: str) -> str:
    estimate = each.difference.estimate
    if math.isnan(estimate.value):
        return f"{name} does not beat {each.name}: the {named} is undefined."
    if each.difference.shown:
        return f"{name} does not beat {each.name}, it is worse: {_numbers(reference, each, named)}."
    verdict = "was not shown to beat" if estimate.value > 0 else "does not beat"
    return f"{name} {verdict} {each.name}: {_numbers(reference, each, named)}."


def _numbers(reference: Estimate, each: Beside, named: str) -> str:
    pair = f"{named} {number(reference.value)} against {number(each.values['auroc'].value)}"
    return f"{pair}, a difference of {with_test(each.difference)}"


def _sheet(name: str, reference: dict[str, Estimate], found: Sequence[Beside]) -> Sheet:
    titles = [METRICS[metric].title for metric in SCORED]
    rows = [(name, *(with_interval(reference[metric]) for metric in SCORED), "–", "–")]
    rows += [
        (
            *(each.name, *(with_interval(each.values[metric]) for metric in SCORED)),
            *(with_interval(each.difference.estimate), p_cell(each.difference.stated)),
        )
        for each in found
    ]
    return Sheet("Baselines", ("model", *titles, f"{name} minus it, {PRIMARY.title}", "p"), tuple(rows))


def _plot(name: str, reference: Estimate, found: Sequence[Beside], named: str) -> Plot:
    lines = [ForestLine(name, reference)]
    lines += [ForestLine(each.name, each.values[PRIMARY.name], 1, "" if each.beaten else "unbeaten") for each in found]
    caption = f"Bars: 95 % intervals over patients. The dashed line is {name}."
    zero = None if math.isnan(reference.value) else reference.value
    return forest_plot("baselines", "Baselines", caption, lines, zero=zero, axis=named)


def _notes(found: Sequence[Beside]) -> tuple[str, ...]:
    said = [f"A baseline counts as beaten where the paired difference in {PRIMARY.title} was shown to be above 0."]
    if len(found) > 1:
        said.append(f"The p-values are corrected for {counted(len(found), 'baseline')} (Holm); the intervals are not.")
    return tuple(said)


def _record(each: Beside) -> dict[str, Any]:
    return {
        "baseline": each.name,
        "beaten": each.beaten,
        "values": {name: estimate.to_json() for name, estimate in each.values.items()},
        "difference": each.difference.estimate.to_json(),
        "p": each.difference.p,
        "p_holm": each.difference.corrected,
    }
