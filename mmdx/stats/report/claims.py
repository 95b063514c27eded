"""A comparison in words: plain sentences that say no more than the numbers do."""

from __future__ import annotations

import math

from mmdx.errors import UsageError, did_you_mean
from mmdx.stats.comparison.compare import Arm, Comparison
from mmdx.stats.metrics.registry import METRICS
from mmdx.stats.resampling.intervals import Estimate
from mmdx.stats.significance.difference import Difference

MOST_BESIDE = 2
"""Arms beside the reference that have two sentences each; of more, a sentence tells of all that are alike."""


def claims(comparison: Comparison, *, finding: str | None = None) -> list[str]:
    """What the AUROCs say, of one finding or (None) of the macro mean: two sentences an arm beside the reference, or
    with many arms one on those that were shown to differ from it, and one on the others.

    Raises `UsageError` where no such finding was scored.
    """
    check_finding(comparison, finding)
    reference = comparison.estimates[comparison.reference.name, "auroc", finding]
    if math.isnan(reference.value):
        return [f"The {subject(comparison, 'auroc', finding)} is undefined: {_why_undefined(comparison, finding)}."]
    if len(comparison.models) == 1:
        return _alone(comparison, reference, finding)
    if len(comparison.models) > 1 + MOST_BESIDE:
        return _many(comparison, reference, finding)
    return [sentence for arm in comparison.models[1:] for sentence in _beside(comparison, arm, finding)]


def headlines(comparison: Comparison, *, finding: str | None = None) -> list[str]:
    """What stands above everything else: whether the reference beats the baselines, and what the audits say."""
    told = baseline_line(comparison, finding)
    return [*([told] if told else []), *audit_lines(comparison)]


def baseline_line(comparison: Comparison, finding: str | None) -> str | None:
    """Which baselines the reference is worse than, or not shown to beat, in AUROC, or that it beats them all.

    None without any.
    """
    reference, name = comparison.reference.name, subject(comparison, "auroc", finding)
    ours = comparison.estimates[reference, "auroc", finding]
    if not comparison.baselines or math.isnan(ours.value):
        return None
    worse, unbeaten, beaten = [], [], []
    for arm in comparison.baselines:
        difference = comparison.differences[arm.name, "auroc", finding]
        value = number(comparison.estimates[arm.name, "auroc", finding].value)
        if difference.shown and difference.estimate.value > 0:
            beaten.append(f"{arm.name} {value}")
        else:
            place = worse if difference.shown else unbeaten
            place.append(f"{arm.name} ({value}{_difference(difference)})")
    told = [f"is worse than {', '.join(worse)}"] if worse else []
    told += [f"is not shown to beat {', '.join(unbeaten)}"] if unbeaten else []
    told = told or [f"beats every baseline: {', '.join(beaten)}"]
    return f"{reference} ({name} {number(ours.value)}) {', and '.join(told)}."


def _difference(difference: Difference) -> str:
    low, high, p = difference.estimate.low, difference.estimate.high, difference.stated
    if low is None or high is None or p is None:
        return f"; no interval: {difference.estimate.refused}"
    value = number(difference.estimate.value)
    return f"; difference {value}, 95 % interval {number(low)} to {number(high)}, {p_value(p)}"


def audit_lines(comparison: Comparison) -> list[str]:
    """What the audits of the runs say, a line each, or one for all where they say the same."""
    told = comparison.audits
    if len(set(told.values())) == 1:
        return [f"Audit: {next(iter(told.values()))}."]
    return [f"Audit of {run}: {verdict}." for run, verdict in told.items()]


def notes(comparison: Comparison, *, finding: str | None = None) -> list[str]:
    """What a reader must know beside the numbers: what was left out, unknown, dropped or refused, and the method."""
    check_finding(comparison, finding)
    counts = [count for count in comparison.findings if finding in (None, count.finding)]
    left_out = [f"{count.finding} ({count.left_out})" for count in counts if count.left_out]
    unknown = [f"{count.finding} {count.unknown}" for count in counts if count.unknown]
    lines = []
    if left_out:
        lines.append(f"Left out of the macro means: {', '.join(left_out)}.")
    if unknown:
        lines.append(f"Labels unknown and not scored, of {units(comparison, comparison.rows)}: {', '.join(unknown)}.")
    lines += _dropped(comparison, finding)
    ranked = (comparison.estimates[arm.name, "auroc", finding] for arm in comparison.models)
    if any(estimate.low is not None and estimate.low == estimate.high for estimate in ranked):
        lines.append("An AUROC that no resample can change has an interval without width: it is surer than the data.")
    made = len(comparison.models) - 1
    if finding is None and made > 1:
        lines.append(f"The p-values are corrected for {made} comparisons (Holm); the intervals are not.")
    if finding is not None and made * len(comparison.findings) > 1:
        tests = made * len(comparison.findings)
        lines.append(f"The p-values are corrected for up to {tests} comparisons (Holm); the intervals are not.")
    return [*lines, *_method(comparison)]


def _method(comparison: Comparison) -> list[str]:
    """How the numbers were made."""
    lines = []
    if comparison.split != "test":
        lines.append(f"These are {comparison.split} studies, which training saw or epochs were chosen on: too kind.")
    several = [f"{arm.name} {arm.seeds}" for arm in comparison.arms if arm.seeds > 1]
    if several:
        lines.append(f"Mean over trainings that differ in their seed: {', '.join(several)}.")
    if comparison.baselines:
        lines.append(
            f"Baselines ask for no deep model ({', '.join(arm.name for arm in comparison.baselines)}); they were "
            "fitted on the same training studies, and are corrected for among themselves."
        )
    if comparison.strata > 1:
        lines.append(
            f"A class is rare: patients were drawn within {comparison.strata} strata, those who have it apart, so that "
            "every resample has as many of them."
        )
    kind = {"percentile": "percentile", "bca": "bias-corrected and accelerated (BCa)"}[comparison.intervals]
    drawn = f"{comparison.resamples} resamples of patients (seed {comparison.seed})"
    if comparison.intervals == "bca":
        lines.append("Intervals of single sections, but for the baselines, are percentile intervals.")
    return [*lines, f"Intervals are 95 % {kind} intervals over {drawn}."]


def check_finding(comparison: Comparison, finding: str | None) -> None:
    """Raises `UsageError` where no such finding was scored."""
    known = [count.finding for count in comparison.findings]
    if finding is not None and finding not in known:
        raise UsageError(f"no finding '{finding}' in the predictions; {did_you_mean(finding, known)}")


def subject(comparison: Comparison, metric: str, finding: str | None) -> str:
    """The metric by its full name: `macro AUROC`, or `AUROC for edema`, also where one finding makes the mean."""
    if finding is None and len(comparison.in_mean) == 1:
        finding = comparison.in_mean[0]
    return f"macro {METRICS[metric].title}" if finding is None else f"{METRICS[metric].title} for {finding}"


def units(comparison: Comparison, count: int) -> str:
    """A count with what is counted: `1 study`, `12 slices`."""
    return f"{count} {comparison.unit if count == 1 else plural(comparison)}"


def plural(comparison: Comparison) -> str:
    """What the rows are."""
    return {"study": "studies", "slice": "slices", "patient": "patients"}[comparison.unit]


def number(value: float) -> str:
    """Three digits after the point; nothing turns into minus zero."""
    return f"{round(value, 3) + 0.0:.3f}"


def p_value(p: float) -> str:
    """`p` to three digits, as a comparison where it is smaller."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def _alone(comparison: Comparison, estimate: Estimate, finding: str | None) -> list[str]:
    name = subject(comparison, "auroc", finding)
    head = f"With {comparison.reference.name} the {name} is {number(estimate.value)}"
    ground = _patients(comparison, finding)
    if estimate.low is None or estimate.high is None:
        return [f"{head} ({ground}).", f"No interval can be given: {estimate.refused}."]
    return [f"{head} (95 % interval {number(estimate.low)} to {number(estimate.high)}, {ground})."]


def _beside(comparison: Comparison, arm: Arm, finding: str | None) -> list[str]:
    reference = comparison.reference
    first, second = (comparison.estimates[each.name, "auroc", finding].value for each in (reference, arm))
    difference = comparison.differences[arm.name, "auroc", finding]
    estimate = difference.estimate
    alone = " alone" if arm.name == arm.shown and "+" not in arm.shown else ""
    head = (
        f"With {reference.name} the {subject(comparison, 'auroc', finding)} is {number(first)}; "
        f"with {arm.name}{alone} {number(second)}: a difference of {number(estimate.value)}"
    )
    ground = _patients(comparison, finding)
    if estimate.low is None or estimate.high is None or difference.stated is None:
        return [f"{head} ({ground}).", f"No difference was shown: no interval can be given ({estimate.refused})."]
    tested = p_value(difference.stated)
    if difference.delong is not None:
        tested += f", by DeLong's test clustered by patient {p_value(difference.delong)} uncorrected"
    bounds = f"95 % interval {number(estimate.low)} to {number(estimate.high)}, {tested}, {ground}"
    if difference.leaves_out_zero and not difference.shown:
        verdict = "No difference was shown: the interval leaves out zero, but not after correction for all comparisons."
    elif not difference.shown:
        verdict = "No difference was shown: the interval includes zero, which does not prove the two equal."
    else:
        better, worse = (reference, arm) if estimate.value > 0 else (arm, reference)
        verdict = f"A difference was shown: the interval leaves out zero, in favour of {better.name} over {worse.name}."
    return [f"{head} ({bounds}).", verdict]


def _many(comparison: Comparison, estimate: Estimate, finding: str | None) -> list[str]:
    """One sentence on the arms that were shown to differ from the reference, one on those that were not."""
    found = [comparison.differences[arm.name, "auroc", finding] for arm in comparison.models[1:]]
    reasons = {difference.estimate.refused for difference in found}
    if None not in reasons and len(reasons) == 1:
        values = [f"{a.name} {number(comparison.estimates[a.name, 'auroc', finding].value)}" for a in comparison.models]
        head = f"{_sentence_case(subject(comparison, 'auroc', finding))}: {', '.join(values)}"
        return [f"{head}.", f"No difference was shown: no interval can be given ({reasons.pop()})."]
    worse, better, alike = [], [], []
    for arm, difference in zip(comparison.models[1:], found, strict=True):
        place = alike if not difference.shown else worse if difference.estimate.value > 0 else better
        value = number(comparison.estimates[arm.name, "auroc", finding].value)
        place.append(f"{arm.name} ({value}{_difference(difference)})")
    reference, name = comparison.reference.name, subject(comparison, "auroc", finding)
    told = f"{reference} ({name} {number(estimate.value)}, {_patients(comparison, finding)})"
    shown = [f"better than {'; '.join(worse)}"] if worse else []
    shown += [f"worse than {'; '.join(better)}"] if better else []
    said = [f"{told} was shown to be {', and '.join(shown)}."] if shown else []
    if alike:
        head = "No difference was shown" if shown else f"{told}: no difference was shown"
        said.append(f"{head} to {'; '.join(alike)}, which does not prove them equal.")
    return said


def _sentence_case(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"


def _patients(comparison: Comparison, finding: str | None) -> str:
    """How many patients the number stands on: those with a known label of the finding, or all of them."""
    if finding is None and len(comparison.in_mean) == 1:
        finding = comparison.in_mean[0]
    count = next((each.patients for each in comparison.findings if each.finding == finding), comparison.patients)
    return f"{count} patient{'' if count == 1 else 's'}"


def _why_undefined(comparison: Comparison, finding: str | None) -> str:
    if finding is None:
        return "no finding has labels of both classes"
    return next(str(count.left_out) for count in comparison.findings if count.finding == finding)


def _dropped(comparison: Comparison, finding: str | None) -> list[str]:
    """How many resamples had no AUROC, where an interval goes without them: the same ones for every arm."""
    estimate = comparison.estimates[comparison.reference.name, "auroc", finding]
    dropped = comparison.resamples - estimate.usable
    if not dropped or estimate.refused:
        return []
    share = f"{dropped} of {comparison.resamples} resamples"
    return [f"{share} lacked a class of a finding and were dropped from the intervals of AUROC and AP."]
