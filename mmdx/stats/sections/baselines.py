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
    """One baseline: its values by metric, and the reference minus it in AUROC."""

    name: str
    values: dict[str, Estimate]
    difference: Difference

    @property
    def beaten(self) -> bool:
        return self.difference.shown and self.difference.estimate.value > 0


def baselines_section(comparison: Comparison) -> Section | None:
    """Every baseline beside the reference, with the numbers of the comparison; None without a baseline.

    `record["unbeaten"]` names the baselines that the reference was not shown to beat in AUROC: that of the primary
    finding where there is one, else the macro mean.
    """
    if not comparison.baselines:
        return None
    reference, lead = comparison.reference.name, comparison.leads[0]
    named = subject(comparison, PRIMARY.name, lead)
    ours = _values(comparison, reference)
    baselines = [
        Beside(arm.name, _values(comparison, arm.name), comparison.differences[arm.name, PRIMARY.name, lead])
        for arm in comparison.baselines
    ]
    return Section(
        "baselines",
        "Baselines",
        tuple(_sentences(reference, ours[PRIMARY.name], baselines, named)),
        (_sheet(reference, ours, baselines),),
        (_plot(reference, ours[PRIMARY.name], baselines, named),),
        _notes(baselines),
        {
            "reference": reference,
            "unbeaten": [baseline.name for baseline in baselines if not baseline.beaten],
            "baselines": [_record(baseline) for baseline in baselines],
        },
    )


def _values(comparison: Comparison, arm: str) -> dict[str, Estimate]:
    return {metric: comparison.estimates[arm, metric, comparison.leads[0]] for metric in SCORED}


def _sentences(name: str, reference: Estimate, baselines: Sequence[Beside], named: str) -> list[str]:
    """One for each baseline that was not beaten, then one for those that were."""
    sentences = [_unbeaten(name, reference, baseline, named) for baseline in baselines if not baseline.beaten]
    beaten = sorted(
        (baseline for baseline in baselines if baseline.beaten), key=lambda baseline: baseline.difference.estimate.value
    )
    if beaten:
        closest = f"; the closest is {beaten[0].name}" if len(beaten) > 1 else ""
        which = listed([baseline.name for baseline in baselines if baseline.beaten])
        sentences.append(f"{name} beats {which}{closest}: {_numbers(reference, beaten[0], named)}.")
    return sentences


def _unbeaten(name: str, reference: Estimate, baseline: Beside, named: str) -> str:
    estimate = baseline.difference.estimate
    if math.isnan(estimate.value):
        return f"{name} does not beat {baseline.name}: the {named} is undefined."
    if baseline.difference.shown:
        return f"{name} does not beat {baseline.name}, it is worse: {_numbers(reference, baseline, named)}."
    verdict = "was not shown to beat" if estimate.value > 0 else "does not beat"
    return f"{name} {verdict} {baseline.name}: {_numbers(reference, baseline, named)}."


def _numbers(reference: Estimate, baseline: Beside, named: str) -> str:
    pair = f"{named} {number(reference.value)} against {number(baseline.values[PRIMARY.name].value)}"
    return f"{pair}, a difference of {with_test(baseline.difference)}"


def _sheet(name: str, reference: dict[str, Estimate], baselines: Sequence[Beside]) -> Sheet:
    titles = [METRICS[metric].title for metric in SCORED]
    rows = [(name, *(with_interval(reference[metric]) for metric in SCORED), "–", "–")]
    rows += [
        (
            *(baseline.name, *(with_interval(baseline.values[metric]) for metric in SCORED)),
            *(with_interval(baseline.difference.estimate), p_cell(baseline.difference.stated)),
        )
        for baseline in baselines
    ]
    return Sheet("Baselines", ("model", *titles, f"{name} minus it, {PRIMARY.title}", "p"), tuple(rows))


def _plot(name: str, reference: Estimate, baselines: Sequence[Beside], named: str) -> Plot:
    lines = [ForestLine(name, reference)]
    lines += [
        ForestLine(baseline.name, baseline.values[PRIMARY.name], 1, "" if baseline.beaten else "unbeaten")
        for baseline in baselines
    ]
    zero = None if math.isnan(reference.value) else reference.value
    line = "" if zero is None else f" The dashed line is {name}."
    caption = f"Bars: 95 % intervals over patients.{line}"
    return forest_plot("baselines", "Baselines", caption, lines, zero=zero, axis=named)


def _notes(baselines: Sequence[Beside]) -> tuple[str, ...]:
    sentences = [f"A baseline counts as beaten where the paired difference in {PRIMARY.title} was shown to be above 0."]
    if len(baselines) > 1:
        sentences.append(
            f"The p-values are corrected for {counted(len(baselines), 'baseline')} (Holm); the intervals are not."
        )
    return tuple(sentences)


def _record(baseline: Beside) -> dict[str, Any]:
    return {
        "baseline": baseline.name,
        "beaten": baseline.beaten,
        "values": {name: estimate.to_json() for name, estimate in baseline.values.items()},
        "difference": baseline.difference.estimate.to_json(),
        "p": baseline.difference.p,
        "p_holm": baseline.difference.corrected,
    }
