"""Subgroups: how good the reference is by age, sex, site and whatever else is known, and where it differs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmdx.stats.cohort.cohort import Cohort
from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.comparison.sampled import mean_name
from mmdx.stats.report.forest import ForestLine, forest_plot
from mmdx.stats.report.section import Plot, Section
from mmdx.stats.report.tables import Sheet
from mmdx.stats.report.words import counted, listed, number, p_cell, p_value, plural, with_bounds, with_interval
from mmdx.stats.resampling.intervals import Estimate, nullable
from mmdx.stats.sections.subgroups.gaps import (
    AUROC,
    Gap,
    Subgroup,
    Trait,
    affordable_for,
    comparable_traits,
    find_gaps,
    score_subgroups,
)
from mmdx.stats.sections.subgroups.patient_groups import FEWEST_IN_GROUP


def subgroups_section(cohort: Cohort, resampler: Resampler) -> Section | None:
    """The reference within the groups of every trait; None without a model or a trait that any row has."""
    known = [str(trait) for trait, values in cohort.traits.items() if len(values.dropna())]
    if not known or not cohort.models:
        return None
    traits, notes = comparable_traits(cohort, known)
    reference = cohort.arms[cohort.models[0]].name
    if not traits:
        return Section("subgroups", "Subgroups", ("No subgroups could be compared.",), notes=tuple(notes))
    affordable = affordable_for(cohort, len(traits), resampler)
    found = score_subgroups(cohort, traits, affordable)
    gaps = find_gaps(cohort, traits, found, seed=resampler.seed)
    second = cohort.arms[cohort.models[1]].name if len(cohort.models) > 1 else None
    everyone = [subgroup for each in found for subgroup in each]
    notes += _method(cohort, traits, affordable.resamples, resampler.resamples)
    return Section(
        "subgroups",
        "Subgroups",
        tuple(_sentences(cohort, reference, gaps)),
        (_groups_sheet(cohort, everyone, reference, second), _gaps_sheet(cohort, gaps)),
        _plots(everyone, reference, second),
        tuple(notes),
        {"reference": reference, "second": second, "resamples": affordable.resamples}
        | {"groups": [_group_record(each) for each in everyone], "gaps": [_gap_record(cohort, gap) for gap in gaps]},
    )


def _sentences(cohort: Cohort, reference: str, gaps: Sequence[Gap]) -> list[str]:
    largest = max(gaps, key=lambda gap: gap.size)
    trait, named = largest.trait.name, mean_name(cohort, largest.trait.findings, AUROC)
    best, worst = (f"{with_bounds(e.reference.estimate)} for {trait} {e.name}" for e in (largest.best, largest.worst))
    said = [
        f"The {named} of {reference} differs most by {trait}: {best} against {worst}, a gap of {number(largest.size)}."
    ]
    corrected = f" after Holm over {counted(len(gaps), 'trait')}" if len(gaps) > 1 else ""
    tested = f"{p_value(largest.corrected)}{corrected}, permutation of the groups among patients"
    if largest.shown:
        said.append(f"A gap beyond chance was shown ({tested}).")
    else:
        said.append(f"No gap beyond chance was shown ({tested}), which does not prove the groups alike.")
    others = [f"{gap.trait.name} ({number(gap.size)})" for gap in gaps if gap.shown and gap is not largest]
    return [*said, f"Smaller gaps were shown as well by {listed(others)}."] if others else said


def _groups_sheet(cohort: Cohort, found: Sequence[Subgroup], reference: str, second: str | None) -> Sheet:
    header = ("group", "patients", "with a finding", plural(cohort.unit), f"AUROC of {reference}")
    rows = [
        (f"{each.trait} {each.name}", str(each.patients), str(each.positive_patients), str(each.rows))
        + (with_interval(each.reference.estimate),)
        + (() if each.difference is None else (with_interval(each.difference.estimate),))
        for each in found
    ]
    return Sheet("Subgroups", header + (() if second is None else (f"minus {second}",)), tuple(rows))


def _gaps_sheet(cohort: Cohort, gaps: Sequence[Gap]) -> Sheet:
    header = ("trait", "highest", "lowest", "gap", "p", "p, Holm", "mean over")
    rows = [
        (
            *(gap.trait.name, gap.best.name, gap.worst.name, number(gap.size), p_cell(gap.p), p_cell(gap.corrected)),
            ", ".join(cohort.findings[f] for f in gap.trait.findings),
        )
        for gap in gaps
    ]
    return Sheet("The largest gap of each trait", header, tuple(rows))


def _method(cohort: Cohort, traits: Sequence[Trait], drawn: int, resamples: int) -> list[str]:
    said = [
        f"Groups have at least {FEWEST_IN_GROUP} patients; numbers are dealt into quarters of the patients, or fewer "
        "parts where they are few. Means are over the findings with both classes in every group of the trait.",
        "Gaps are tested by dealing the groups anew among the patients, those with and without a positive label apart; "
        "intervals are over patients and not corrected.",
    ]
    if drawn < resamples:
        said.append(f"Intervals of subgroups stand on {drawn} resamples and not {resamples}, for time.")
    uneven = [trait.name for trait in traits if len(trait.findings) < len(cohort.findings)]
    if uneven:
        said.append(
            f"Findings are missing from the means by {listed(uneven)}; the table of gaps names those that are in."
        )
    return said


def _group_record(each: Subgroup) -> dict[str, Any]:
    return {
        "trait": each.trait,
        "group": each.name,
        "patients": each.patients,
        "positive_patients": each.positive_patients,
        "rows": each.rows,
        "auroc": each.reference.estimate.to_json(),
        "difference": None if each.difference is None else each.difference.estimate.to_json(),
    }


def _gap_record(cohort: Cohort, gap: Gap) -> dict[str, Any]:
    return {
        "trait": gap.trait.name,
        "highest": gap.best.name,
        "lowest": gap.worst.name,
        "gap": nullable(gap.size),
        "p": nullable(gap.p),
        "p_holm": nullable(gap.corrected),
        "shown": gap.shown,
        "findings": [cohort.findings[f] for f in gap.trait.findings],
    }


def _plots(found: Sequence[Subgroup], reference: str, second: str | None) -> tuple[Plot, ...]:
    """The reference by group, and its difference to the second model."""
    caption = "A line a group of patients, as many as stand on the right. Bars: 95 % intervals over patients."
    values = [each.reference.estimate for each in found]
    plots = [forest_plot("subgroups", "Subgroups", caption, _lines(found, values, 0), axis=f"AUROC of {reference}")]
    differences = [each.difference.estimate for each in found if each.difference is not None]
    if second is not None:
        caption = f"Paired differences of {reference} and {second} within the groups. {caption}"
        lines, axis = _lines(found, differences, 1), f"{reference} minus {second}"
        plots.append(
            forest_plot("subgroup_differences", "Differences in subgroups", caption, lines, zero=0.0, axis=axis)
        )
    return tuple(plots)


def _lines(found: Sequence[Subgroup], estimates: Sequence[Estimate], series: int) -> list[ForestLine]:
    lines: list[ForestLine] = []
    for place, (each, estimate) in enumerate(zip(found, estimates, strict=True)):
        if not place or found[place - 1].trait != each.trait:
            lines.append(ForestLine(each.trait))
        lines.append(ForestLine(each.name, estimate, series, f"n {each.patients}"))
    return lines
