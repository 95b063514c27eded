"""A comparison in rows and columns of text, for the terminal, Markdown, LaTeX and the page alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mmdx.stats.comparison.compare import Comparison
from mmdx.stats.comparison.recovery import Recovery
from mmdx.stats.metrics.registry import METRICS
from mmdx.stats.report.claims import check_finding
from mmdx.stats.report.words import p_cell, plural, with_interval


@dataclass(frozen=True)
class Sheet:
    """A table of plain text; the first column names its rows."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def estimates_sheet(comparison: Comparison, metrics: Sequence[str], *, finding: str | None = None) -> Sheet:
    """One row per arm: each metric with its interval, and the patients and rows that it stands on."""
    check_finding(comparison, finding)
    ground = (comparison.patients, comparison.rows)
    single = comparison.in_mean[0] if finding is None and len(comparison.in_mean) == 1 else finding
    for count in comparison.findings:
        if count.finding == single:
            ground = (count.patients, count.known)
    unit = () if comparison.unit == "patient" else (plural(comparison.unit),)
    return Sheet(
        title=_title(comparison, finding),
        header=("model", *(METRICS[metric].title for metric in metrics), "patients", *unit),
        rows=tuple(
            (
                arm.name,
                *(with_interval(comparison.estimates[arm.name, metric, finding]) for metric in metrics),
                *map(str, ground[: 1 + len(unit)]),
            )
            for arm in comparison.arms
        ),
    )


def means_sheet(comparison: Comparison, metrics: Sequence[str], *, mean: str) -> Sheet:
    """One row per arm: the `micro` or the `weighted` mean of each metric."""
    title = {"micro": "Micro average: all findings pooled", "weighted": "Mean weighted by positives"}[mean]
    rows = [
        (arm.name, *(with_interval(comparison.means[arm.name, metric, mean]) for metric in metrics))
        for arm in comparison.arms
    ]
    return Sheet(title, ("model", *(METRICS[metric].title for metric in metrics)), tuple(rows))


def differences_sheet(comparison: Comparison, metrics: Sequence[str], *, finding: str | None = None) -> Sheet:
    """One row per arm beside the reference: the reference minus the arm, and its p-value, corrected where it is one of
    several."""
    check_finding(comparison, finding)
    metrics = [metric for metric in metrics if METRICS[metric].direction in ("higher", "lower")]
    rows = []
    for arm in comparison.arms[1:]:
        cells = [arm.name]
        for metric in metrics:
            difference = comparison.differences[arm.name, metric, finding]
            cells += [with_interval(difference.estimate), p_cell(difference.stated)]
        rows.append(tuple(cells))
    pairs = [cell for metric in metrics for cell in (METRICS[metric].title, "p")]
    title = f"{_title(comparison, finding)}: {comparison.reference.name} minus …"
    return Sheet(title, ("… model", *pairs), tuple(rows))


def findings_sheet(comparison: Comparison) -> Sheet:
    """One row per finding: what it stands on, and why it has no intervals where it has none."""
    header = (
        "finding",
        f"{plural(comparison.unit)}, known",
        "positive",
        "unknown",
        "patients",
        "positive patients",
        "no intervals",
    )
    rows = []
    for count in comparison.findings:
        refused = comparison.estimates[comparison.reference.name, comparison.primary.name, count.finding].refused or ""
        counts = (count.known, count.positives, count.unknown, count.patients, count.positive_patients)
        rows.append((count.finding, *map(str, counts), refused))
    return Sheet("What each finding stands on", header, tuple(rows))


def shares_sheet(recovery: Recovery) -> Sheet:
    """One row per model: the share that it recovers of the gap between the superior and the inferior one."""
    title, finding = METRICS[recovery.metric].title, recovery.finding
    named = f"macro {title}" if finding is None else f"{title} for {finding}"
    title = f"superior minus inferior, {named}: {with_interval(recovery.gap)}"
    rows = tuple((name, with_interval(share)) for name, share in recovery.shares.items())
    return Sheet(title, ("model", "share of the gap recovered"), rows)


def _title(comparison: Comparison, finding: str | None) -> str:
    if finding is not None:
        return finding
    if len(comparison.in_mean) == 1:
        return comparison.in_mean[0]
    return f"Mean over {len(comparison.in_mean)} findings"
