"""Non-inferiority: which models are at most a stated margin worse than the reference, and than what they stand in for.

A checkpoint that lost a modality stands in for a model that was trained without it; whether it may is asked here, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mmdx.errors import UsageError
from mmdx.stats.cohort.cohort import Cohort
from mmdx.stats.cohort.counts import leading, why_no_mean
from mmdx.stats.cohort.showings import fallbacks
from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.comparison.sampled import mean_name, sample
from mmdx.stats.metrics.registry import PRIMARY, Metric
from mmdx.stats.report.forest import ForestLine, forest_plot
from mmdx.stats.report.section import Plot, Section
from mmdx.stats.report.tables import Sheet
from mmdx.stats.report.words import bounds, number, p_cell, p_value, with_interval
from mmdx.stats.significance.difference import NonInferiority


@dataclass(frozen=True)
class Claim:
    """That arm `candidate` is at most a margin worse than arm `against`; `fallback` where it stands in for that."""

    candidate: int
    against: int
    fallback: bool
    test: NonInferiority


def margin_section(cohort: Cohort, resampler: Resampler, *, margin: float) -> Section | None:
    """Every other model against the reference, and fallbacks against what they stand in for; None with one model.

    Raises `UsageError` where the margin is wider than the metric.
    """
    check_margin(margin, cohort.primary)
    models = cohort.models
    if len(models) < 2:
        return None
    included = leading(cohort)
    sampled = sample(cohort, cohort.primary, models, resampler)
    refused = why_no_mean(cohort, included)
    means = {arm: scores.macro(included, refused=refused) for arm, scores in zip(models, sampled, strict=True)}
    stand_ins = fallbacks(cohort)
    pairs = [(arm, models[0]) for arm in models[1:]]
    claims = [
        Claim(arm, against, (arm, against) in stand_ins, means[arm].at_most_worse(means[against], margin=margin))
        for arm, against in dict.fromkeys([*pairs, *stand_ins])
    ]
    return Section(
        "margin",
        "Non-inferiority",
        tuple(_sentence(cohort, included, claim) for claim in claims),
        (_sheet(cohort, claims),),
        (_plot(cohort, included, claims, margin),),
        _notes(margin),
        {"margin": margin, "reference": cohort.arms[models[0]].name, "claims": [_record(cohort, c) for c in claims]},
    )


def check_margin(margin: float, metric: Metric = PRIMARY) -> None:
    """Raises `UsageError` where a margin is wider than what separates chance from the best value of the metric."""
    widest = metric.range[1] - (metric.range[0] if metric.chance is None else metric.chance)
    if not 0 < margin < widest:
        raise UsageError(
            f"margin {margin:g}: must lie between 0 and {widest:g}, in {metric.title} (0.02 is two hundredths)"
        )


def _sentence(cohort: Cohort, included: Sequence[int], claim: Claim) -> str:
    arm, against, test = cohort.arms[claim.candidate], cohort.arms[claim.against], claim.test
    named = mean_name(cohort, included, cohort.primary)
    subject, other = arm.name, against.name
    if claim.fallback:
        subject = f"shown {arm.shown} alone, the checkpoint of {arm.run}"
        other = f"{against.name}, which was trained on {against.shown}"
    head = f"In {named}, {subject} is at most {test.margin:g} worse than {other}"
    if test.p is None:
        return f"{head}: not shown, for there is no interval ({test.estimate.refused})."
    ground = f"difference {number(test.estimate.value)}, {bounds(test.estimate)}, one-sided {p_value(test.p)}"
    if test.shown:
        return f"{head}: shown ({ground})."
    worse = test.estimate.high is not None and test.estimate.high < -test.margin
    return f"{head}: not shown ({ground}){'; it is worse by more than that' if worse else ''}."


def _sheet(cohort: Cohort, claims: Sequence[Claim]) -> Sheet:
    header = ("model", "against", f"difference in {cohort.primary.title}", "one-sided p", "at most the margin worse")
    rows = [
        (
            cohort.arms[claim.candidate].name,
            cohort.arms[claim.against].name + (" (stood in for)" if claim.fallback else ""),
            with_interval(claim.test.estimate),
            p_cell(claim.test.p),
            "shown" if claim.test.shown else "not shown",
        )
        for claim in claims
    ]
    return Sheet(f"Non-inferiority within {claims[0].test.margin:g}", header, tuple(rows))


def _plot(cohort: Cohort, included: Sequence[int], claims: Sequence[Claim], margin: float) -> Plot:
    lines: list[ForestLine] = []
    for against in dict.fromkeys(claim.against for claim in claims):
        lines.append(ForestLine(f"against {cohort.arms[against].name}"))
        lines += [
            ForestLine(
                cohort.arms[claim.candidate].name,
                claim.test.estimate,
                claim.candidate,
                "shown" if claim.test.shown else "",
            )
            for claim in claims
            if claim.against == against
        ]
    caption = (
        f"Model minus the one that it is held against. A bar (95 % interval over patients) right of the dashed line at "
        f"-{margin:g} shows that the model is at most so much worse."
    )
    axis = f"difference in {mean_name(cohort, included, cohort.primary)}"
    return forest_plot("margin", "Non-inferiority", caption, lines, zero=-margin, axis=axis)


def _notes(margin: float) -> tuple[str, ...]:
    return (
        f"Non-inferiority is shown where the 95 % interval of the paired difference lies above -{margin:g}, which is a "
        "one-sided test at 2.5 %. The margin is stated by whoever asks, before looking; tests are not corrected for "
        "their number.",
    )


def _record(cohort: Cohort, claim: Claim) -> dict[str, Any]:
    return {
        "candidate": cohort.arms[claim.candidate].name,
        "against": cohort.arms[claim.against].name,
        "fallback": claim.fallback,
        "difference": claim.test.estimate.to_json(),
        "p_one_sided": claim.test.p,
        "shown": claim.test.shown,
    }
