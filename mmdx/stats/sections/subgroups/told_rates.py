"""Error rates of subgroups in sentences and tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmdx.stats.cohort.cohort import Cohort
from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.report.tables import Sheet
from mmdx.stats.report.words import counted, listed, number, p_cell, p_value, with_bounds, with_interval
from mmdx.stats.resampling.intervals import nullable
from mmdx.stats.sections.subgroups.gaps import Trait
from mmdx.stats.sections.subgroups.rates import (
    RATES,
    GroupRates,
    RateGap,
    crossed,
    find_rate_gaps,
    score_rates,
    with_thresholds,
)


def rates_told(
    cohort: Cohort, traits: Sequence[Trait], resampler: Resampler
) -> tuple[tuple[str, ...], tuple[Sheet, ...], tuple[str, ...], dict[str, Any]]:
    """Sentences, tables, notes and the record of the rates of the reference; a note alone without thresholds."""
    able = with_thresholds(cohort, traits)
    if not able:
        return (), (), ("No error rates: validation chose no threshold for the findings of the subgroups.",), {}
    both = crossed(cohort, able)
    able += [] if both is None else [both]
    by_trait = score_rates(cohort, able, resampler)
    gaps = find_rate_gaps(cohort, able, by_trait, seed=resampler.seed)
    groups = [group for of_trait in by_trait for group in of_trait]
    where = "the threshold of validation" if cohort.operating_point is None else f"the stated {cohort.operating_point}"
    notes = [
        f"Error rates are those at {where}, observed minus expected is the share of positives minus the mean "
        "calibrated score; means over the findings of the trait. Their gaps are tested like those of the AUROC, Holm "
        "over traits and rates together.",
        "Two traits are crossed: the first two in the order of the file that can be compared. Each group has at least "
        "ten patients, and five with and without each finding; others are left out."
        if both is not None
        else "No two traits could be crossed into groups of ten patients with five of each class.",
    ]
    record = {"rates": [_group_record(group) for group in groups], "rate_gaps": [_gap_record(gap) for gap in gaps]}
    return _sentences(cohort, gaps), (_groups_sheet(groups), _gaps_sheet(gaps)), tuple(notes), record


def _sentences(cohort: Cohort, gaps: Sequence[RateGap]) -> tuple[str, ...]:
    reference = cohort.arms[cohort.models[0]].name
    shown = sorted((gap for gap in gaps if gap.shown), key=lambda gap: -gap.size)
    tested = f"{counted(len(gaps), 'gap')} tested, Holm"
    if not shown:
        return (
            f"No gap in the error rates or the calibration of {reference} between subgroups was shown ({tested}), "
            "which does not prove the groups alike.",
        )
    first = shown[0]
    ends = [f"{with_bounds(g.rates[first.rate].estimate)} for {g.name}" for g in (first.highest, first.lowest)]
    told = [
        f"The {RATES[first.rate]} of {reference} differs by {first.trait}: {ends[0]} against {ends[1]} "
        f"({p_value(first.corrected)}; {tested})."
    ]
    others = [f"{RATES[gap.rate]} by {gap.trait} ({number(gap.size)})" for gap in shown[1:]]
    return (*told, *([f"Shown as well: {listed(others)}."] if others else []))


def _groups_sheet(groups: Sequence[GroupRates]) -> Sheet:
    rows = [
        (
            f"{group.trait} {group.name}",
            str(group.patients),
            *(with_interval(group.rates[rate].estimate) for rate in RATES),
        )
        for group in groups
    ]
    return Sheet("Error rates of subgroups", ("group", "patients", *RATES.values()), tuple(rows))


def _gaps_sheet(gaps: Sequence[RateGap]) -> Sheet:
    rows = [
        (
            f"{gap.trait} · {RATES[gap.rate]}",
            *(gap.highest.name, gap.lowest.name, number(gap.size), p_cell(gap.p), p_cell(gap.corrected)),
        )
        for gap in gaps
    ]
    header = ("trait · rate", "highest", "lowest", "gap", "p", "p, Holm")
    return Sheet("The largest gap of each rate", header, tuple(rows))


def _group_record(group: GroupRates) -> dict[str, Any]:
    rates = {rate: drawn.estimate.to_json() for rate, drawn in group.rates.items()}
    return {"trait": group.trait, "group": group.name, "patients": group.patients} | rates


def _gap_record(gap: RateGap) -> dict[str, Any]:
    ends = {"trait": gap.trait, "rate": gap.rate, "highest": gap.highest.name, "lowest": gap.lowest.name}
    tested = {"p": nullable(gap.p), "p_holm": nullable(gap.corrected), "shown": gap.shown}
    return ends | {"gap": nullable(gap.size)} | tested
