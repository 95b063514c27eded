"""Decisions in sentences: of what the comparison leads with, what was shown and what was not."""

from __future__ import annotations

from collections.abc import Sequence

from mmdx.stats.cohort.cohort import Cohort
from mmdx.stats.cohort.counts import leading
from mmdx.stats.comparison.sampled import mean_name
from mmdx.stats.report.words import listed, plural, with_bounds, with_test
from mmdx.stats.sections.decisions.operating import AtPoint
from mmdx.stats.sections.decisions.ranking import Order
from mmdx.stats.sections.decisions.sheets import read
from mmdx.stats.sections.decisions.thresholds import AtThreshold

MOST_TOLD = 2
"""Findings, and models beside the reference, that have sentences; the tables hold all."""


def sentences(
    cohort: Cohort, benefits: Sequence[AtThreshold], points: Sequence[AtPoint], ranked: Sequence[Order]
) -> tuple[str, ...]:
    """Of the primary finding, else of the first ones: what the reference is worth, beside others, and where it is acted
    on; then the order."""
    told, findings = [], list(dict.fromkeys(one.finding for one in benefits))
    for finding in findings[: MOST_TOLD if cohort.primary_finding is None else 1]:
        of_finding = [one for one in benefits if one.finding == finding]
        told.append(_useful(cohort, [one for one in of_finding if one.reference_minus is None]))
        for arm in cohort.models[1 : 1 + MOST_TOLD]:
            told.append(_beside(cohort, [one for one in of_finding if one.arm == arm]))
        told += [_acted(cohort, point) for point in points if (point.finding, point.arm) == (finding, cohort.models[0])]
    return (*told, *(_reversed(cohort, order) for order in ranked[:MOST_TOLD]))


def _useful(cohort: Cohort, found: Sequence[AtThreshold]) -> str:
    finding, name = cohort.findings[found[0].finding], cohort.arms[found[0].arm].name
    refused = found[0].beside_default.estimate.refused
    if all(one.beside_default.p is None for one in found):
        return f"Whether acting on {name} changes a decision about {finding} cannot be tested: {refused}."
    better = [one for one in found if one.beside_default.shown and one.beside_default.estimate.value > 0]
    worse = [one for one in found if one.beside_default.shown and one.beside_default.estimate.value < 0]
    rest = [one for one in found if one not in better and one not in worse]
    head = f"For {finding}, acting on {name} in place of acting on all {plural(cohort.unit)} or on none"
    if not better and not worse:
        return f"{head} is not shown to be worth more, nor less, at any of the thresholds {_thresholds(rest)}."
    parts = [
        f"is shown to be worth {word} at {_thresholds(some)}"
        for word, some in (("more", better), ("less", worse))
        if some
    ]
    unshown = f"; neither is shown at {_thresholds(rest)}" if rest else ""
    return f"{head} {' and '.join(parts)}{unshown}."


def _beside(cohort: Cohort, found: Sequence[AtThreshold]) -> str:
    finding = cohort.findings[found[0].finding]
    reference, other = (cohort.arms[arm].name for arm in (cohort.models[0], found[0].arm))
    tested = [(one, one.reference_minus) for one in found if one.reference_minus is not None]
    if all(difference.p is None for _, difference in tested):
        return f"Nor can its net benefit for {finding} be tested against that of {other}."
    shown = [pair for pair in tested if pair[1].shown]
    head = f"In net benefit for {finding}, {reference}"
    if not shown:
        return f"{head} is not shown to differ from {other} at any threshold, which does not prove them alike."
    first, difference = max(shown, key=lambda pair: abs(pair[1].estimate.value))
    value = difference.estimate.value
    more = f"{abs(value) * 1000:.0f} true positives {'more' if value > 0 else 'less'} in 1000 {plural(cohort.unit)}"
    others = [one for one, _ in shown if one is not first]
    also = f" Differences are shown at {_thresholds(others)} as well." if others else ""
    return (
        f"{head} minus {other} is {with_test(difference)} at {first.threshold:g}: as much as {more} at as many false "
        f"ones.{also}"
    )


def _acted(cohort: Cohort, point: AtPoint) -> str:
    finding, name = cohort.findings[point.finding], cohort.arms[point.arm].name
    where = "threshold of validation" if cohort.operating_point is None else f"stated {cohort.operating_point}"
    shares = point.shares
    told = (
        f"At the {where}, {name} has a sensitivity of {with_bounds(shares['sensitivity'])} and a specificity of "
        f"{with_bounds(shares['specificity'])} for {finding}. It flags {with_bounds(shares['flagged'])} of the "
        f"{plural(cohort.unit)}, and {read(point)} flagged ones are read for one with the finding."
    )
    if point.elsewhere:
        ppv, npv = (with_bounds(point.elsewhere[key]) for key in ("PPV", "NPV"))
        told += f" At a prevalence of {cohort.prevalence:g} its PPV would be {ppv}, its NPV {npv}."
    return told


def _reversed(cohort: Cohort, order: Order) -> str:
    reference, other = cohort.arms[cohort.models[0]].name, cohort.arms[order.other].name
    named = mean_name(cohort, leading(cohort), cohort.primary)
    share = order.reversed
    if order.first is None or share.low is None or share.high is None:
        return f"How often {reference} and {other} would change their order in {named} cannot be said: {share.refused}."
    first, second = (reference, other) if order.first == cohort.models[0] else (other, reference)
    return (
        f"In {named}, {first} leads {second}; in {share.value:.1%} of the resamples of patients ({share.low:.1%} to "
        f"{share.high:.1%} by their number) the order is reversed."
    ).replace("%", " %")


def _thresholds(found: Sequence[AtThreshold]) -> str:
    return listed([f"{one.threshold:g}" for one in found])
