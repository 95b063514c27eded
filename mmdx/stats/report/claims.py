"""A comparison in words: plain sentences that say no more than the numbers do."""

from __future__ import annotations

import math

from mmdx.errors import UsageError, did_you_mean
from mmdx.stats.comparison.compare import Arm, Comparison
from mmdx.stats.metrics.registry import METRICS
from mmdx.stats.report.circular import circular
from mmdx.stats.report.words import bounds, capitalised, counted, number, p_value
from mmdx.stats.resampling.intervals import Estimate
from mmdx.stats.significance.difference import Difference

MOST_BESIDE = 2
"""Arms beside the reference that have two sentences each; of more arms, one sentence names all that are alike."""


def claims(comparison: Comparison, *, finding: str | None = None) -> list[str]:
    """What the primary metric says, of one finding or (None) of the macro mean.

    Two sentences per arm beside the reference; with many arms one sentence on those that were shown to differ from it,
    and one on the others.

    Raises `UsageError` where no such finding was scored.
    """
    check_finding(comparison, finding)
    primary = comparison.primary.name
    reference = comparison.estimates[comparison.reference.name, primary, finding]
    if math.isnan(reference.value):
        return [f"The {subject(comparison, primary, finding)} is undefined: {_why_undefined(comparison, finding)}."]
    if len(comparison.models) == 1:
        return _alone(comparison, reference, finding)
    if len(comparison.models) > 1 + MOST_BESIDE:
        return _many(comparison, reference, finding)
    return [sentence for arm in comparison.models[1:] for sentence in _beside(comparison, arm, finding)]


def leading_claims(comparison: Comparison) -> list[str]:
    """The claims on what the comparison leads with: on the primary finding, and after it on the macro mean."""
    return [sentence for lead in comparison.leads for sentence in claims(comparison, finding=lead)]


def difference_of(difference: Difference) -> str:
    """A difference as it follows a value: `; difference 0.070, 95 % interval 0.030 to 0.110, p = 0.002`."""
    estimate, p = difference.estimate, difference.stated
    if estimate.low is None or p is None:
        return f"; no interval: {estimate.refused}"
    return f"; difference {number(estimate.value)}, {bounds(estimate)}, {p_value(p)}"


def notes(comparison: Comparison, *, finding: str | None = None) -> list[str]:
    """What a reader must know beside the numbers: what was left out, unknown, dropped or refused, and the method.

    Of one finding, or (None) of all of them and what the comparison leads with. Raises `UsageError` where no such
    finding was scored.
    """
    check_finding(comparison, finding)
    counts = [count for count in comparison.findings if finding in (None, count.finding)]
    left_out = [f"{count.finding} ({count.left_out})" for count in counts if count.left_out]
    unknown = [f"{count.finding} {count.unknown}" for count in counts if count.unknown]
    lines = []
    if left_out:
        lines.append(f"Left out of the macro means: {', '.join(left_out)}.")
    if unknown:
        total = counted(comparison.rows, comparison.unit)
        lines.append(f"Labels unknown and not scored, of {total}: {', '.join(unknown)}.")
    lead = comparison.leads[0] if finding is None else finding
    lines += _dropped(comparison, lead)
    ranked = (comparison.estimates[arm.name, comparison.primary.name, lead] for arm in comparison.models)
    if any(estimate.low is not None and estimate.low == estimate.high for estimate in ranked):
        title = comparison.primary.title
        lines.append(
            f"An {title} that no resample can change has an interval without width: it is surer than the data."
        )
    return [*lines, *_corrections(comparison, finding), *_method(comparison)]


def _corrections(comparison: Comparison, finding: str | None) -> list[str]:
    """For how many comparisons the p-values are corrected, at most: of a class and its complement both are counted, for
    some metrics do not treat them alike."""
    others, primary = len(comparison.models) - 1, comparison.primary_finding
    if others and all(difference.stated is None for difference in comparison.differences.values()):
        return []
    asked = [count.finding for count in comparison.findings if count.complement is None]
    if primary is None:
        tests = others if finding is None else others * len(comparison.findings)
        up_to = "" if finding is None else "up to "
        said = f"The p-values are corrected for {up_to}{tests} comparisons (Holm); the intervals are not."
        return [said] if tests > 1 else []
    secondary = [name for name in asked if name != primary]
    if not others:
        return [f"{primary} is the primary finding; the others are secondary."] if secondary else []
    own = f"corrected for {others} comparisons (Holm)" if others > 1 else "those of one comparison, and not corrected"
    lines = [f"{primary} is the primary finding: its p-values are {own}."]
    if secondary:
        tests = others * (len(comparison.findings) - 1)
        corrected = f"corrected for up to {tests} comparisons among themselves (Holm)" if tests > 1 else "not corrected"
        lines.append(f"Secondary: {', '.join(secondary)}, whose p-values are {corrected}; no interval is corrected.")
    return lines


def _method(comparison: Comparison) -> list[str]:
    """How the numbers were made."""
    lines = []
    if comparison.split != "test":
        lines.append(f"These are {comparison.split} studies, which training saw or epochs were chosen on: too kind.")
    several = [f"{arm.name} {arm.seeds}" for arm in comparison.arms if arm.seeds > 1]
    if several:
        lines.append(
            f"Mean over trainings that differ in their seed: {', '.join(several)}. Intervals are over patients; under "
            "'Trainings' stands one over patients and trainings."
        )
    lines += _folds(comparison)
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
    ground = f"{comparison.resamples} resamples of patients (seed {comparison.seed})"
    if comparison.intervals == "bca":
        lines.append("Intervals of single sections, but for the baselines, are percentile intervals.")
    return [*lines, f"Intervals are 95 % {kind} intervals over {ground}."]


def _folds(comparison: Comparison) -> list[str]:
    """How the scores of a cross-validation are counted."""
    if comparison.folding == "none":
        return []
    crossed = [arm.name for arm in comparison.arms if arm.folds > 1]
    who = "Each row" if len(crossed) == len(comparison.arms) else f"Each row of {', '.join(crossed)}"
    lines = [
        f"{who} was scored out of fold, by one of several models whose scores do not mean the same: an AUROC counts "
        "pairs of rows within a fold; average precision, Sens@90 and Spec@90 take ranks within folds; all else takes "
        "the scores as they are."
    ]
    if comparison.folding == "different":
        lines.append(
            "Not all were trained by the same folds: each counts within its own, so that differences also hold how the "
            "patients were dealt."
        )
    return lines


def check_finding(comparison: Comparison, finding: str | None) -> None:
    """Raises `UsageError` where no such finding was scored."""
    findings = [count.finding for count in comparison.findings]
    if finding is not None and finding not in findings:
        raise UsageError(f"no finding '{finding}' in the predictions; {did_you_mean(finding, findings)}")


def subject(comparison: Comparison, metric: str, finding: str | None) -> str:
    """The metric by its full name: `macro AUROC`, or `AUROC for edema`, also where one finding makes the mean."""
    if finding is None and len(comparison.in_mean) == 1:
        finding = comparison.in_mean[0]
    return f"macro {METRICS[metric].title}" if finding is None else f"{METRICS[metric].title} for {finding}"


def _alone(comparison: Comparison, estimate: Estimate, finding: str | None) -> list[str]:
    name = subject(comparison, comparison.primary.name, finding)
    head = f"With {comparison.reference.name} the {name} is {number(estimate.value)}"
    ground = _patients(comparison, finding)
    if estimate.low is None or estimate.high is None:
        return [f"{head} ({ground}).", f"No interval can be given: {estimate.refused}."]
    return [f"{head} ({bounds(estimate)}, {ground})."]


def _beside(comparison: Comparison, arm: Arm, finding: str | None) -> list[str]:
    reference = comparison.reference
    first, second = (
        comparison.estimates[model.name, comparison.primary.name, finding].value for model in (reference, arm)
    )
    difference = comparison.differences[arm.name, comparison.primary.name, finding]
    estimate = difference.estimate
    alone = " alone" if arm.name == arm.shown and "+" not in arm.shown else ""
    head = (
        f"With {reference.name} the {subject(comparison, comparison.primary.name, finding)} is {number(first)}; "
        f"with {arm.name}{alone} {number(second)}: a difference of {number(estimate.value)}"
    )
    ground = _patients(comparison, finding)
    if estimate.low is None or estimate.high is None or difference.stated is None:
        return [f"{head} ({ground}).", f"No difference was shown: no interval can be given ({estimate.refused})."]
    test = p_value(difference.stated)
    if difference.delong is not None:
        test += f", by DeLong's test clustered by patient {p_value(difference.delong)} uncorrected"
    if difference.leaves_out_zero and not difference.shown:
        verdict = "No difference was shown: the interval leaves out zero, but not after correction for all comparisons."
    elif not difference.shown:
        verdict = "No difference was shown: the interval includes zero, which does not prove the two equal."
    else:
        better, worse = (reference, arm) if estimate.value > 0 else (arm, reference)
        verdict = f"A difference was shown: the interval leaves out zero, in favour of {better.name} over {worse.name}."
        if (made := circular(comparison, better)) is not None and circular(comparison, worse) is None:
            verdict = f"No gain can be called shown: labels were made from {made}, which {better.name} reads."
    return [f"{head} ({bounds(estimate)}, {test}, {ground}).", verdict]


def _many(comparison: Comparison, estimate: Estimate, finding: str | None) -> list[str]:
    """One sentence on the arms that were shown to differ from the reference, one on those that were not."""
    differences = [comparison.differences[arm.name, comparison.primary.name, finding] for arm in comparison.models[1:]]
    reasons = {difference.estimate.refused for difference in differences}
    if None not in reasons and len(reasons) == 1:
        values = [
            f"{a.name} {number(comparison.estimates[a.name, comparison.primary.name, finding].value)}"
            for a in comparison.models
        ]
        head = f"{capitalised(subject(comparison, comparison.primary.name, finding))}: {', '.join(values)}"
        return [f"{head}.", f"No difference was shown: no interval can be given ({reasons.pop()})."]
    worse, better, alike = [], [], []
    for arm, difference in zip(comparison.models[1:], differences, strict=True):
        place = alike if not difference.shown else worse if difference.estimate.value > 0 else better
        value = number(comparison.estimates[arm.name, comparison.primary.name, finding].value)
        place.append(f"{arm.name} ({value}{difference_of(difference)})")
    reference, name = comparison.reference.name, subject(comparison, comparison.primary.name, finding)
    head = f"{reference} ({name} {number(estimate.value)}, {_patients(comparison, finding)})"
    made = circular(comparison, comparison.reference)
    ahead = (
        f"ahead of {'; '.join(worse)}, which is no gain that can be called shown, since labels were made from {made}"
    )
    verdicts = [f"better than {'; '.join(worse)}" if made is None else ahead] if worse else []
    verdicts += [f"worse than {'; '.join(better)}"] if better else []
    sentences = [f"{head} was shown to be {', and '.join(verdicts)}."] if verdicts else []
    if alike:
        head = "No difference was shown" if verdicts else f"{head}: no difference was shown"
        sentences.append(f"{head} to {'; '.join(alike)}, which does not prove them equal.")
    return sentences


def _patients(comparison: Comparison, finding: str | None) -> str:
    """How many patients the number stands on: those with a known label of the finding, or all of them."""
    if finding is None and len(comparison.in_mean) == 1:
        finding = comparison.in_mean[0]
    count = next((count.patients for count in comparison.findings if count.finding == finding), comparison.patients)
    return counted(count, "patient")


def _why_undefined(comparison: Comparison, finding: str | None) -> str:
    if finding is None:
        return "no finding has labels of both classes"
    return next(str(count.left_out) for count in comparison.findings if count.finding == finding)


def _dropped(comparison: Comparison, finding: str | None) -> list[str]:
    """How many resamples were dropped because the primary metric is undefined in them; the same ones for every arm."""
    estimate = comparison.estimates[comparison.reference.name, comparison.primary.name, finding]
    dropped = comparison.resamples - estimate.usable
    if not dropped or estimate.refused:
        return []
    share = f"{dropped} of {comparison.resamples} resamples"
    metrics = f"{comparison.primary.title} and {METRICS['ap'].title}"
    return [f"{share} lacked a class of a finding and were dropped from the intervals of {metrics}."]
