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
    read_by_models,
    score_subgroups,
)
from mmdx.stats.sections.subgroups.patient_groups import FEWEST_IN_GROUP
from mmdx.stats.sections.subgroups.told_rates import rates_told


def subgroups_section(cohort: Cohort, resampler: Resampler) -> Section | None:
    """The reference within the groups of every trait; None without a model or a trait that any row has."""
    names = [str(trait) for trait, values in cohort.traits.items() if len(values.dropna())]
    if not names or not cohort.models:
        return None
    names, notes = read_by_models(cohort, names)
    traits, remarks = comparable_traits(cohort, names)
    notes += remarks
    reference = cohort.arms[cohort.models[0]].name
    if not traits:
        return Section("subgroups", "Subgroups", ("No subgroups could be compared.",), notes=tuple(notes))
    affordable = affordable_for(cohort, len(traits), resampler)
    by_trait = score_subgroups(cohort, traits, affordable)
    gaps = sorted(find_gaps(cohort, traits, by_trait, seed=resampler.seed), key=lambda gap: (not gap.shown, -gap.size))
    second = cohort.arms[cohort.models[1]].name if len(cohort.models) > 1 else None
    everyone = [subgroup for subgroup in by_trait for subgroup in subgroup]
    notes += _method(cohort, traits, affordable.resamples, resampler.resamples)
    sentences, sheets, remarks, rates = rates_told(cohort, traits, affordable)
    return Section(
        "subgroups",
        "Subgroups",
        (*_sentences(cohort, reference, gaps), *sentences),
        (_groups_sheet(cohort, everyone, reference, second), _gaps_sheet(cohort, gaps), *sheets),
        _plots(everyone, reference, second),
        (*notes, *remarks),
        {"reference": reference, "second": second, "resamples": affordable.resamples}
        | {
            "groups": [_group_record(subgroup) for subgroup in everyone],
            "gaps": [_gap_record(cohort, gap) for gap in gaps],
        }
        | rates,
    )


def _sentences(cohort: Cohort, reference: str, gaps: Sequence[Gap]) -> list[str]:
    """On the first of the gaps, which is the largest that was shown, or of none that was; then on the others."""
    first, named = gaps[0], mean_name(cohort, gaps[0].trait.findings, AUROC)
    larger = [gap for gap in gaps if gap.size > first.size]
    best, worst = (
        f"{with_bounds(group.reference.estimate)} for {first.trait.name} {group.name}"
        for group in (first.best, first.worst)
    )
    corrected = f" after Holm over {counted(len(gaps), 'trait')}" if len(gaps) > 1 else ""
    tested = f"{p_value(first.corrected)}{corrected}, permutation of the groups among patients"
    sentences = [
        f"The {named} of {reference} differs {'' if larger else 'most '}by {first.trait.name}: {best} against {worst}, "
        f"a gap of {number(first.size)}."
    ]
    if not first.shown:
        return [*sentences, f"No gap beyond chance was shown ({tested}), which does not prove the groups alike."]
    sentences.append(f"A gap beyond chance was shown ({tested}).")
    others = [f"{gap.trait.name} ({number(gap.size)})" for gap in gaps[1:] if gap.shown]
    if others:
        sentences.append(f"Smaller gaps were shown as well by {listed(others)}.")
    if larger:
        unshown = [f"{gap.trait.name} ({number(gap.size)}, {p_value(gap.corrected)})" for gap in larger]
        sentences.append(f"Larger in size, but not shown to be more than chance: {listed(unshown)}.")
    return sentences


def _groups_sheet(cohort: Cohort, subgroups: Sequence[Subgroup], reference: str, second: str | None) -> Sheet:
    header = ("group", "patients", "with a finding", plural(cohort.unit), f"{AUROC.title} of {reference}")
    rows = [
        (
            f"{subgroup.trait} {subgroup.name}",
            str(subgroup.patients),
            str(subgroup.positive_patients),
            str(subgroup.rows),
        )
        + (with_interval(subgroup.reference.estimate),)
        + (() if subgroup.difference is None else (with_interval(subgroup.difference.estimate),))
        for subgroup in subgroups
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


def _method(cohort: Cohort, traits: Sequence[Trait], used: int, resamples: int) -> list[str]:
    sentences = [
        f"Groups have at least {FEWEST_IN_GROUP} patients; numbers are dealt into quarters of the patients, or fewer "
        "parts where they are few. Means are over the findings with both classes in every group of the trait.",
        "Gaps are tested by dealing the groups anew among the patients, those with and without a positive label apart; "
        "intervals are over patients and not corrected.",
    ]
    if used < resamples:
        sentences.append(f"Intervals of subgroups stand on {used} resamples and not {resamples}, for time.")
    uneven = [trait.name for trait in traits if len(trait.findings) < len(cohort.findings)]
    if uneven:
        sentences.append(
            f"Findings are missing from the means by {listed(uneven)}; the table of gaps names those that are in."
        )
    return sentences


def _group_record(subgroup: Subgroup) -> dict[str, Any]:
    return {
        "trait": subgroup.trait,
        "group": subgroup.name,
        "patients": subgroup.patients,
        "positive_patients": subgroup.positive_patients,
        "rows": subgroup.rows,
        "auroc": subgroup.reference.estimate.to_json(),
        "difference": None if subgroup.difference is None else subgroup.difference.estimate.to_json(),
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


def _plots(subgroups: Sequence[Subgroup], reference: str, second: str | None) -> tuple[Plot, ...]:
    """The reference by group, and its difference to the second model."""
    caption = "One line per group of patients, whose number stands on the right. Bars: 95 % intervals over patients."
    values = [subgroup.reference.estimate for subgroup in subgroups]
    plots = [
        forest_plot(
            "subgroups", "Subgroups", caption, _lines(subgroups, values, 0), axis=f"{AUROC.title} of {reference}"
        )
    ]
    differences = [subgroup.difference.estimate for subgroup in subgroups if subgroup.difference is not None]
    if second is not None:
        caption = f"Paired differences of {reference} and {second} within the groups. {caption}"
        lines, axis = _lines(subgroups, differences, 1), f"{reference} minus {second}"
        plots.append(
            forest_plot("subgroup_differences", "Differences in subgroups", caption, lines, zero=0.0, axis=axis)
        )
    return tuple(plots)


def _lines(subgroups: Sequence[Subgroup], estimates: Sequence[Estimate], series: int) -> list[ForestLine]:
    lines: list[ForestLine] = []
    for place, (subgroup, estimate) in enumerate(zip(subgroups, estimates, strict=True)):
        if not place or subgroups[place - 1].trait != subgroup.trait:
            lines.append(ForestLine(subgroup.trait))
        lines.append(ForestLine(subgroup.name, estimate, series, f"n {subgroup.patients}"))
    return lines
