"""Would it change a decision: net benefit, an operating point, and how sure the order of the models is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmdx.stats.cohort.cohort import Cohort
from mmdx.stats.cohort.counts import leading
from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.report.section import Section
from mmdx.stats.report.words import listed, plural
from mmdx.stats.resampling.intervals import nullable
from mmdx.stats.sections.decisions import sheets, told
from mmdx.stats.sections.decisions.benefit import FindingRows, finding_rows
from mmdx.stats.sections.decisions.operating import AtPoint, acted_on, at_point
from mmdx.stats.sections.decisions.plot import benefit_curves, benefit_plot
from mmdx.stats.sections.decisions.ranking import Order, orders
from mmdx.stats.sections.decisions.thresholds import AtThreshold, at_thresholds, stated_thresholds
from mmdx.stats.significance.difference import Difference

BAND_RESAMPLES = 300
MOST_FINDINGS = 6
"""Findings that have a plot each."""


def decisions_section(cohort: Cohort, resampler: Resampler) -> Section | None:
    """Of each finding of which both classes are known, what the comparison leads with first; None without any."""
    first = leading(cohort)
    both = [f for f in range(len(cohort.findings)) if {0.0, 1.0} <= set(cohort.labels[:, f])]
    findings = sorted(both, key=lambda f: f not in first)
    if not findings or not cohort.models:
        return None
    every = [finding_rows(cohort, f) for f in findings]
    benefits = at_thresholds(cohort, every, resampler)
    points = at_point(cohort, [f for f in findings if acted_on(cohort, f)], resampler)
    ranked = orders(cohort, resampler)
    curves = benefit_curves(cohort, every[:MOST_FINDINGS], resampler.at_most(BAND_RESAMPLES))
    return Section(
        "decisions",
        "Would it change a decision?",
        told.sentences(cohort, benefits, points, ranked),
        sheets.sheets(cohort, benefits, points, ranked),
        (benefit_plot(cohort, curves),),
        _notes(cohort, every, points, resampler.resamples),
        _record(cohort, benefits, points, ranked),
    )


def _notes(cohort: Cohort, every: Sequence[FindingRows], points: Sequence[AtPoint], resamples: int) -> tuple[str, ...]:
    fixed = listed([f"{threshold:g}" for threshold in stated_thresholds(cohort)])
    notes = [
        "Net benefit (Vickers and Elkin 2006) at a threshold t: true positives minus t / (1 - t) false ones, among all "
        f"{plural(cohort.unit)}. Whoever acts from a probability of t on weighs them so. Acting on none is worth 0. "
        f"Thresholds {fixed} are tested, whatever the scores; p-values are corrected (Holm) over models and thresholds "
        "of a finding, those beside acting on all or none apart from the differences."
    ]
    plain = [cohort.findings[rows.finding] for rows in every if not rows.calibrated]
    if plain:
        notes.append(
            f"The scores of {listed(plain)} are taken for probabilities as they are: no validation predictions of "
            "every model scale them. Where they are off, so is the net benefit."
        )
    if len(plain) < len(every):
        notes.append("Probabilities are scores with the temperatures that validation chose.")
    if points:
        notes.append(
            "Thresholds of the operating point were chosen on validation studies alone, and tested as they are."
            if cohort.operating_point is not None
            else "No operating point was stated (data.operating_point, --operating-point): models are acted on at the "
            "threshold with the greatest sensitivity + specificity on validation studies."
        )
    lost = [cohort.findings[r.finding] for r in every if r.finding not in {point.finding for point in points}]
    if lost:
        notes.append(f"No threshold could be chosen on validation studies for {listed(lost)}.")
    if cohort.prevalence is not None:
        notes.append(
            f"At a prevalence of {cohort.prevalence:g}, PPV and NPV follow from sensitivity and specificity (Bayes), "
            "which are taken to be the same there. That fails where patients are ill in another way."
        )
    notes.append(
        "That an order is reversed is counted over resamples of these patients, both models as they are. It is no "
        "chance that a model is the better one, nor a p-value, and says nothing of trainings done anew. Its interval "
        f"(Jeffreys) is about the number of resamples, {resamples}."
    )
    if any(cohort.arms[arm].seeds > 1 for arm in cohort.models):
        notes.append("Of several trainings, counts and net benefit are means.")
    return tuple(notes)


def _record(
    cohort: Cohort, benefits: Sequence[AtThreshold], points: Sequence[AtPoint], ranked: Sequence[Order]
) -> dict[str, Any]:
    def named(finding: int, arm: int) -> dict[str, Any]:
        return {"finding": cohort.findings[finding], "arm": cohort.arms[arm].name}

    point = cohort.operating_point
    return {
        "reference": cohort.arms[cohort.models[0]].name,
        "operating_point": None if point is None else dict([point.of]),
        "prevalence": cohort.prevalence,
        "net_benefit": [
            named(one.finding, one.arm)
            | {
                "threshold": one.threshold,
                "value": one.benefit.estimate.to_json(),
                "minus_better_of_all_and_none": _difference(one.beside_default),
                "reference_minus": None if one.reference_minus is None else _difference(one.reference_minus),
            }
            for one in benefits
        ],
        "at_operating_point": [
            named(one.finding, one.arm)
            | {"thresholds": list(one.thresholds)}
            | {name: share.to_json() for name, share in one.shares.items()}
            | {"read_for_one": one.read.to_json()}
            | {"at_prevalence": {name: share.to_json() for name, share in one.elsewhere.items()}}
            for one in points
        ],
        "orders": [
            {
                "arm": cohort.arms[order.other].name,
                "first": None if order.first is None else cohort.arms[order.first].name,
                "reversed": order.reversed.to_json(),
            }
            for order in ranked
        ],
    }


def _difference(difference: Difference) -> dict[str, Any]:
    tested = {"p": nullable(difference.p), "p_holm": nullable(difference.corrected), "shown": difference.shown}
    return difference.estimate.to_json() | tested
