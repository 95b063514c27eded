"""A model on a second cohort against itself on the first: what it loses, whom it meets, and what its scores mean there.

The scores of the first cohort lie beside those of the second (`internal.csv`), as `mmdx evaluate --on` leaves them.
Patients of the two cohorts are drawn apart, so that a difference holds the chance of both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Integer

from mmdx.files import INTERNAL
from mmdx.stats.cohort.cohort import Cohort, read_cohort
from mmdx.stats.cohort.counts import leading, why_no_mean
from mmdx.stats.comparison.drawn import Drawn
from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.comparison.sampled import mean_name, sample
from mmdx.stats.metrics.registry import METRICS
from mmdx.stats.report.forest import ForestLine, forest_plot
from mmdx.stats.report.section import Plot, Section
from mmdx.stats.report.tables import Sheet
from mmdx.stats.report.words import bracketed, capitalised, number, p_cell, with_interval, with_test
from mmdx.stats.resampling.weights import weighted_mean
from mmdx.stats.sections.transport.recalibration import DRAWS, WAYS, Recalibrated, recalibrated, sizes_for
from mmdx.stats.significance.difference import Difference

MEASURES = ("calibration_intercept", "calibration_slope")


@dataclass(frozen=True)
class Travelled:
    """One model: its AUROC on the first cohort and on the second, and the second minus the first."""

    arm: int
    first: Drawn
    second: Drawn
    difference: Difference


@dataclass(frozen=True)
class Met:
    """A finding: its prevalence in both cohorts, the second minus the first, and of the model that leads the
    calibration `intercept` and `slope` on both."""

    finding: str
    prevalence: tuple[Drawn, Drawn]
    shift: Difference
    intercept: tuple[Drawn, Drawn]
    slope: tuple[Drawn, Drawn]


def transport_section(cohort: Cohort, resampler: Resampler) -> Section | None:
    """Every model that was scored on both cohorts; None where no scores of a first one lie beside these."""
    path = Path(cohort.arms[0].source).with_name(INTERNAL)
    if cohort.unit != "study" or not path.is_file():
        return None
    internal = read_cohort([path], primary=cohort.primary_finding)
    included = [cohort.findings[column] for column in leading(cohort) if cohort.findings[column] in internal.findings]
    shown = {internal.arms[arm].shown: arm for arm in internal.models}
    pairs = [(arm, shown[cohort.arms[arm].shown]) for arm in cohort.models if cohort.arms[arm].shown in shown]
    if not included or not pairs:
        return None
    other = Resampler.of(internal, resamples=resampler.resamples, seed=resampler.seed + 1)
    travelled = _travelled((cohort, resampler), (internal, other), pairs, included)
    met = [_met((cohort, resampler), (internal, other), pairs[0], finding) for finding in included]
    again = {finding: _recalibrated(cohort, pairs[0][0], finding) for finding in included}
    named, leader = mean_name(cohort, leading(cohort), METRICS["auroc"]), cohort.arms[pairs[0][0]].name
    return Section(
        "transport",
        "Against the first cohort",
        tuple(_sentences(cohort, named, travelled, met, again, leader)),
        tuple(_sheets(cohort, named, travelled, met, again, leader)),
        (_plot(cohort, travelled, named),),
        _notes(leader),
        _record(cohort, travelled, met, again),
    )


def _travelled(
    second: tuple[Cohort, Resampler],
    first: tuple[Cohort, Resampler],
    pairs: Sequence[tuple[int, int]],
    included: Sequence[str],
) -> list[Travelled]:
    means = []
    for (cohort, resampler), arms in ((first, [one for _, one in pairs]), (second, [one for one, _ in pairs])):
        columns = [cohort.findings.index(finding) for finding in included]
        refused, sampled = why_no_mean(cohort, columns), sample(cohort, METRICS["auroc"], arms, resampler)
        means.append([scores.macro(columns, refused=refused) for scores in sampled])
    return [
        Travelled(arm, before, after, after.minus(before))
        for (arm, _), before, after in zip(pairs, *means, strict=True)
    ]


def _met(second: tuple[Cohort, Resampler], first: tuple[Cohort, Resampler], pair: tuple[int, int], finding: str) -> Met:
    shares, intercepts, slopes = [], [], []
    for (cohort, resampler), arm in ((first, pair[1]), (second, pair[0])):
        column = cohort.findings.index(finding)
        labels, scores = cohort.labels[:, column], cohort.scored[arm][0].scores[:, column]
        refused = why_no_mean(cohort, [column])
        values = _calibration(labels, scores, resampler)
        shares.append(values["prevalence"])
        intercepts.append(replace(values[MEASURES[0]], refused=refused))
        slopes.append(replace(values[MEASURES[1]], refused=refused))
    fewest = min(len(share.resampled) for share in shares)
    cut = [Drawn(share.value, share.resampled[:fewest]) for share in shares]
    return Met(finding, (shares[0], shares[1]), cut[1].minus(cut[0]), tuple(intercepts), tuple(slopes))


def _calibration(
    labels: Float[np.ndarray, "n"], scores: Float[np.ndarray, "n"], resampler: Resampler
) -> dict[str, Drawn]:
    """The prevalence of a finding, and the calibration of its scores."""
    known = ~np.isnan(labels)

    def of(weights: Integer[np.ndarray, "r n"]) -> dict[str, Float[np.ndarray, "r"]]:
        counts = weights[:, known]
        values = {name: METRICS[name].function(labels[known], scores[known], counts) for name in MEASURES}
        return values | {"prevalence": weighted_mean(labels[known], counts)}

    return resampler.affordable(values=10 * int(known.sum())).values(of)


def _recalibrated(cohort: Cohort, arm: int, finding: str) -> list[Recalibrated]:
    column = cohort.findings.index(finding)
    known = ~np.isnan(cohort.labels[:, column])
    labels, scores = cohort.labels[known, column], cohort.scored[arm][0].scores[known, column]
    patients = np.unique(cohort.patients[known], return_inverse=True)[1]
    return [
        one for size in sizes_for(len(np.unique(patients))) for one in recalibrated(labels, scores, patients, size=size)
    ]


def _sentences(
    cohort: Cohort,
    named: str,
    travelled: Sequence[Travelled],
    met: Sequence[Met],
    again: dict[str, list[Recalibrated]],
    leader: str,
) -> list[str]:
    lines = []
    for one in travelled:
        shown = one.difference.shown
        verdict = "a change was shown" if shown else "no change was shown, which does not prove that there is none"
        lines.append(
            f"With {cohort.arms[one.arm].name} the {named} is {number(one.first.value)} on the first cohort and "
            f"{number(one.second.value)} on this one, a change of {with_test(one.difference)}: {verdict}."
        )
    shifted = [of for of in met if of.shift.shown]
    lines += [
        f"{of.finding} is {'more' if of.shift.estimate.value > 0 else 'less'} common here: "
        f"{number(of.prevalence[1].value)} against {number(of.prevalence[0].value)}."
        for of in shifted
    ]
    for of in met:
        low, high = of.intercept[1].estimate.low, of.intercept[1].estimate.high
        if low is not None and high is not None and (low > 0 or high < 0):
            lines.append(
                f"The scores of {leader} for {of.finding} are too {'low' if low > 0 else 'high'} here: their log-odds "
                f"want a shift of {with_interval(of.intercept[1].estimate)}."
            )
        lines += _worth(of.finding, again[of.finding])
    return lines


def _worth(finding: str, found: Sequence[Recalibrated]) -> list[str]:
    """With how few patients a shift lowers the mean log loss of the others."""
    plain = {one.patients: one.mean for one in found if one.way == "as it is"}
    better = [one for one in found if one.way == "shifted" and one.mean < plain[one.patients]]
    if not better:
        return [f"No number of patients that was tried makes a shift of {finding} worth it."] if plain else []
    first = better[0]
    return [
        f"Shifted by {first.patients} patients of this cohort, the log loss for {finding} of the others falls from "
        f"{number(plain[first.patients])} to {number(first.mean)} on average."
    ]


def _sheets(
    cohort: Cohort,
    named: str,
    travelled: Sequence[Travelled],
    met: Sequence[Met],
    again: dict[str, list[Recalibrated]],
    leader: str,
) -> list[Sheet]:
    aurocs = [
        (
            cohort.arms[one.arm].name,
            with_interval(one.first.estimate),
            with_interval(one.second.estimate),
            with_interval(one.difference.estimate),
            p_cell(one.difference.stated),
        )
        for one in travelled
    ]
    title = f"{capitalised(named)} on both cohorts"
    sheets = [Sheet(title, ("model", "first", "second", "second minus first", "p"), tuple(aurocs))]
    shares = [
        (of.finding, *(with_interval(share.estimate) for share in of.prevalence), with_interval(of.shift.estimate))
        for of in met
    ]
    sheets.append(Sheet("Prevalence on both cohorts", ("finding", "first", "second", "shift"), tuple(shares)))
    for title, pairs in (
        ("Calibration intercept (0 is right)", [(of.finding, of.intercept) for of in met]),
        ("Calibration slope (1 is right)", [(of.finding, of.slope) for of in met]),
    ):
        rows = [(finding, *(with_interval(value.estimate) for value in pair)) for finding, pair in pairs]
        sheets.append(Sheet(f"{title}: {leader}", ("finding", "first", "second"), tuple(rows)))
    rows = []
    for finding, found in again.items():
        for size in dict.fromkeys(one.patients for one in found):
            cells = {one.way: bracketed(one.mean, one.low, one.high) for one in found if one.patients == size}
            rows.append((f"{finding}, {size}", *(cells[way] for way in WAYS)))
    if rows:
        sheets.append(Sheet(f"Log loss after recalibration: {leader}", ("finding, patients", *WAYS), tuple(rows)))
    return sheets


def _plot(cohort: Cohort, travelled: Sequence[Travelled], named: str) -> Plot:
    lines: list[ForestLine] = []
    for one in travelled:
        lines.append(ForestLine(cohort.arms[one.arm].name))
        lines += [
            ForestLine("first cohort", one.first.estimate, 0),
            ForestLine("second cohort", one.second.estimate, 1),
        ]
    caption = "Bars: 95 % intervals over the patients of each cohort."
    return forest_plot("transport", "On both cohorts", caption, lines, axis=named)


def _notes(leader: str) -> tuple[str, ...]:
    return (
        "The first cohort are the test studies of the run. Patients of both cohorts are drawn apart, and a p-value is "
        "of the difference of two independent values; these are not corrected for their number.",
        f"Recalibration is of {leader}, of several trainings of the first: {DRAWS} draws of so many patients, judged "
        "by the others; in brackets the middle 95 % of the draws. Nothing of it is applied to any other figure.",
    )


def _record(
    cohort: Cohort, travelled: Sequence[Travelled], met: Sequence[Met], again: dict[str, list[Recalibrated]]
) -> dict[str, Any]:
    def both(pair: tuple[Drawn, Drawn]) -> dict[str, Any]:
        return {"first": pair[0].estimate.to_json(), "second": pair[1].estimate.to_json()}

    return {
        "models": [
            {"arm": cohort.arms[one.arm].name, **both((one.first, one.second))}
            | {"change": one.difference.estimate.to_json() | {"p": one.difference.p}}
            for one in travelled
        ],
        "findings": {
            of.finding: {
                "prevalence": both(of.prevalence) | {"shift": of.shift.estimate.to_json() | {"p": of.shift.p}},
                "intercept": both(of.intercept),
                "slope": both(of.slope),
                "recalibration": [vars(one) for one in again[of.finding]],
            }
            for of in met
        },
    }
