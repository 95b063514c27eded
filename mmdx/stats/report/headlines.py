"""What stands above a comparison: runs that are not finished, whether the reference beats the baselines, and audits."""

from __future__ import annotations

import math

from mmdx.stats.comparison.compare import Comparison
from mmdx.stats.report.circular import circular_lines
from mmdx.stats.report.claims import difference_of, subject
from mmdx.stats.report.words import listed, number


def headlines(comparison: Comparison, *, finding: str | None = None) -> list[str]:
    """What stands above everything else: which runs are not finished, which models read what labels were made from,
    whether the reference beats the baselines, and what the audits say.

    Of one finding, or (None) of what the comparison leads with.
    """
    line = baseline_line(comparison, comparison.leads[0] if finding is None else finding)
    unfinished = [f"{run}: {standing}." for run, standing in comparison.unfinished.items()]
    return [*unfinished, *circular_lines(comparison), *([line] if line else []), *audit_lines(comparison)]


def baseline_line(comparison: Comparison, finding: str | None) -> str | None:
    """Which baselines the reference is worse than, or not shown to beat; or that it beats them all.

    By the primary metric. Where a macro mean beats them, also on how many findings the reference was shown to be
    better. None without any baseline.
    """
    reference, name = comparison.reference.name, subject(comparison, comparison.primary.name, finding)
    ours = comparison.estimates[reference, comparison.primary.name, finding]
    if not comparison.baselines or math.isnan(ours.value):
        return None
    worse, unbeaten, beaten, findings = [], [], [], ""
    for arm in comparison.baselines:
        difference = comparison.differences[arm.name, comparison.primary.name, finding]
        value = number(comparison.estimates[arm.name, comparison.primary.name, finding].value)
        if difference.shown and difference.estimate.value > 0:
            beaten.append(f"{arm.name} {value}")
        else:
            place = worse if difference.shown else unbeaten
            place.append(f"{arm.name} ({value}{difference_of(difference)})")
    verdicts = [f"is worse than {', '.join(worse)}"] if worse else []
    verdicts += [f"is not shown to beat {', '.join(unbeaten)}"] if unbeaten else []
    if not verdicts:
        verdicts = [f"beats every baseline: {', '.join(beaten)}"]
        findings = _shown_by_finding(comparison) if finding is None and len(comparison.in_mean) > 1 else ""
    return f"{reference} ({name} {number(ours.value)}) {', and '.join(verdicts)}.{findings}"


def _shown_by_finding(comparison: Comparison) -> str:
    """Of how many findings of the macro mean the reference was shown to be better than each baseline."""
    primary, total = comparison.primary.name, len(comparison.in_mean)
    counts = {}
    for arm in comparison.baselines:
        differences = [comparison.differences[arm.name, primary, finding] for finding in comparison.in_mean]
        shown = sum(difference.shown and difference.estimate.value > 0 for difference in differences)
        counts.setdefault(f"{shown} of {total}", []).append(arm.name)
    parts = [f"{count} against {listed(names)}" for count, names in counts.items()]
    return f" Finding by finding it was shown to be better (p after Holm) on {'; on '.join(parts)}."


def audit_lines(comparison: Comparison) -> list[str]:
    """What the audits of the runs say: one line per run, or one for all where they say the same."""
    verdicts = comparison.audits
    if len(set(verdicts.values())) == 1:
        return [f"Audit: {next(iter(verdicts.values()))}."]
    return [f"Audit of {run}: {verdict}." for run, verdict in verdicts.items()]
