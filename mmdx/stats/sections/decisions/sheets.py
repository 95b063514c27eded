"""The tables of decisions: net benefit at stated thresholds, the operating point, and how often orders are reversed."""

from __future__ import annotations

import math
from collections.abc import Sequence

from mmdx.stats.cohort.cohort import Cohort
from mmdx.stats.report.tables import Sheet
from mmdx.stats.report.words import number, p_cell, plural, with_interval
from mmdx.stats.sections.decisions.operating import SHARES, AtPoint
from mmdx.stats.sections.decisions.ranking import Order
from mmdx.stats.sections.decisions.thresholds import AtThreshold


def sheets(
    cohort: Cohort, benefits: Sequence[AtThreshold], points: Sequence[AtPoint], ranked: Sequence[Order]
) -> tuple[Sheet, ...]:
    """Those of net benefit by finding, in the order of `benefits`; then the others, where they have rows."""
    findings = list(dict.fromkeys(one.finding for one in benefits))
    found = [_benefit_sheet(cohort, [one for one in benefits if one.finding == f]) for f in findings]
    if points:
        found += [_point_sheet(cohort, points), _read_sheet(cohort, points)]
    elsewhere = [point for point in points if point.elsewhere]
    if elsewhere:
        found.append(_elsewhere_sheet(cohort, elsewhere))
    return (*found, _order_sheet(cohort, ranked)) if ranked else tuple(found)


def _benefit_sheet(cohort: Cohort, benefits: Sequence[AtThreshold]) -> Sheet:
    reference, several = cohort.arms[cohort.models[0]].name, len(cohort.models) > 1
    header = ("threshold · model", "net benefit", "minus all or none", "p, Holm")
    rows = []
    for one in sorted(benefits, key=lambda one: one.threshold):
        cells = [
            f"{one.threshold:g} · {cohort.arms[one.arm].name}",
            with_interval(one.benefit.estimate),
            with_interval(one.beside_default.estimate),
            p_cell(one.beside_default.stated),
        ]
        if several:
            other = one.reference_minus
            cells += ["–", "–"] if other is None else [with_interval(other.estimate), p_cell(other.stated)]
        rows.append(tuple(cells))
    title = f"Net benefit: {cohort.findings[benefits[0].finding]}"
    return Sheet(title, header + ((f"{reference} minus it", "p, Holm") if several else ()), tuple(rows))


def _point_sheet(cohort: Cohort, points: Sequence[AtPoint]) -> Sheet:
    names = [name for name in SHARES if name != "flagged"]
    rows = [(_name(cohort, point), *(with_interval(point.shares[name]) for name in names)) for point in points]
    return Sheet(f"At the {_called(cohort)}", ("finding · model", *names), tuple(rows))


def _read_sheet(cohort: Cohort, points: Sequence[AtPoint]) -> Sheet:
    header = ("finding · model", "threshold", f"share of {plural(cohort.unit)} flagged", "read for one with it")
    rows = [
        (
            _name(cohort, point),
            "–".join(map(number, point.thresholds)),
            with_interval(point.shares["flagged"]),
            read(point),
        )
        for point in points
    ]
    return Sheet(f"Flagged at the {_called(cohort)}", header, tuple(rows))


def _elsewhere_sheet(cohort: Cohort, points: Sequence[AtPoint]) -> Sheet:
    names = ("PPV", "NPV")
    rows = [(_name(cohort, point), *(with_interval(point.elsewhere[name]) for name in names)) for point in points]
    return Sheet(f"At a prevalence of {cohort.prevalence:g}", ("finding · model", *names), tuple(rows))


def _order_sheet(cohort: Cohort, ranked: Sequence[Order]) -> Sheet:
    rows = [
        (
            cohort.arms[order.other].name,
            "neither" if order.first is None else cohort.arms[order.first].name,
            with_interval(order.reversed),
        )
        for order in ranked
    ]
    reference = cohort.arms[cohort.models[0]].name
    return Sheet(f"Order of {reference} and …", ("… model", "leads", "resamples with the order reversed"), tuple(rows))


def read(point: AtPoint) -> str:
    """How many flagged rows are read for one with the finding: `5.7 [4.0, 7.3]`, to one digit."""
    estimate = point.read
    if math.isnan(estimate.value):
        return "undefined"
    bounds = "–" if estimate.low is None or estimate.high is None else f"{estimate.low:.1f}, {estimate.high:.1f}"
    return f"{estimate.value:.1f} [{bounds}]"


def _called(cohort: Cohort) -> str:
    return "validation threshold" if cohort.operating_point is None else f"operating point ({cohort.operating_point})"


def _name(cohort: Cohort, point: AtPoint) -> str:
    return f"{cohort.findings[point.finding]} · {cohort.arms[point.arm].name}"
