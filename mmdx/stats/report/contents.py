"""What a written comparison holds and in which order, for the page, Markdown and LaTeX alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from mmdx.stats.comparison.compare import Comparison
from mmdx.stats.metrics.registry import METRICS
from mmdx.stats.report.forest import forest_plots
from mmdx.stats.report.section import Picture, Plot, Section
from mmdx.stats.report.tables import Sheet, differences_sheet, estimates_sheet, findings_sheet, means_sheet

MOST_METRICS, MOST_DIFFERENCES = 4, 3
"""Metrics that stand side by side in a table that a page of 800 pixels holds, with their p-values and without."""


@dataclass(frozen=True)
class Contents:
    """`open` is read from the start to the end, `folded` has each finding, `ground` what all of them stand on."""

    open: tuple[Section, ...]
    folded: tuple[Section, ...]
    ground: Section

    @property
    def sections(self) -> tuple[Section, ...]:
        return (*self.open, *self.folded, self.ground)

    @property
    def plots(self) -> tuple[Plot, ...]:
        """All of them. Raises `ValueError` where two have one name, for they are files."""
        plots = tuple(plot for section in self.sections for plot in section.plots)
        names = [plot.name for plot in plots]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two plots are named '{name}'")
        return plots

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """All pictures of studies."""
        return tuple(picture for section in self.sections for picture in section.pictures)


def headline_metrics(comparison: Comparison) -> tuple[str, str]:
    """The names of the two metrics that stand first: the primary one and the average precision."""
    return comparison.primary.name, "ap"


def contents(comparison: Comparison, sections: Sequence[Section]) -> Contents:
    """The headline metrics first, then `sections`, the other metrics, each finding, and the rows behind all of them.

    Metrics are of the primary finding, where there is one, and then of the macro mean.
    """
    primary, plots, first_metrics = comparison.primary.title, forest_plots(comparison), headline_metrics(comparison)
    first = tuple(plot for plot in plots if not plot.name.endswith("_by_finding"))
    headline = Section(
        "headline", f"{primary} and average precision", sheets=_lead_sheets(comparison, first_metrics), plots=first
    )
    further = tuple(metric for metric in METRICS if metric not in first_metrics)
    sheets = _lead_sheets(comparison, further)
    if len(comparison.in_mean) > 1:
        sheets += tuple(means_sheet(comparison, first_metrics, mean=mean) for mean in ("micro", "weighted"))
    further_metrics = Section("metrics", "Further metrics", sheets=sheets)
    by_finding = tuple(plot for plot in plots if plot not in first)
    findings = [count.finding for count in comparison.findings]
    folded = [Section("by_finding", f"{primary} by finding", plots=by_finding)] if by_finding else []
    folded += [
        Section(f"finding_{number}", finding, sheets=_sheets(comparison, tuple(METRICS), finding))
        for number, finding in enumerate(findings, start=1)
        if len(findings) > 1
    ]
    sheet = findings_sheet(comparison)
    ground = Section("ground", sheet.title, sheets=(sheet,))
    return Contents((headline, *sections, further_metrics), tuple(folded), ground)


def _lead_sheets(comparison: Comparison, metrics: Sequence[str]) -> tuple[Sheet, ...]:
    return tuple(sheet for lead in comparison.leads for sheet in _sheets(comparison, metrics, lead))


def _sheets(comparison: Comparison, metrics: Sequence[str], finding: str | None) -> tuple[Sheet, ...]:
    """Estimates and differences: one table, or several that name the metrics of one family in their title."""
    # Of a metric that should be near one or zero, a difference says nothing.
    compared = [metric for metric in metrics if METRICS[metric].direction in ("higher", "lower")]
    kinds = [(estimates_sheet, metrics, MOST_METRICS)]
    if len(comparison.arms) > 1:
        kinds.append((differences_sheet, compared, MOST_DIFFERENCES))
    sheets = []
    for kind, chosen, most in kinds:
        parts = _parts(chosen, most)
        for part in parts:
            sheet = kind(comparison, part, finding=finding)
            names = f" ({', '.join(METRICS[metric].title for metric in part)})" if len(parts) > 1 else ""
            sheets.append(replace(sheet, title=f"{sheet.title}{names}"))
    return tuple(sheets)


def _parts(metrics: Sequence[str], most: int) -> list[list[str]]:
    """The metrics by family, each family in the fewest parts of at most `most` metrics, of nearly equal size."""
    parts = []
    for _, group in groupby(metrics, key=lambda metric: METRICS[metric].family):
        family = list(group)
        count = -(-len(family) // most)
        parts += [family[len(family) * i // count : len(family) * (i + 1) // count] for i in range(count)]
    return parts
