"""Forest plots: one line per value with its interval, and the numbers beside it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import blended_transform_factory

from mmdx.stats.comparison.compare import Comparison
from mmdx.stats.report.claims import subject
from mmdx.stats.report.plots import BACK, LINE, TEXT, colour, mark, short
from mmdx.stats.report.section import Plot
from mmdx.stats.report.words import p_value, with_interval
from mmdx.stats.resampling.intervals import Estimate

MOST_LINES = 40
"""Lines beyond which a plot of what leads (the primary finding, the macro mean) stands first, and the others apart."""
WIDTH, LINE_INCHES, HEAD, FOOT = 7.2, 0.21, 0.08, 0.45
COLUMNS, COLUMNS_ALONE = (0.35, 0.68), (0.35, 0.77)
"""Where the plot itself begins and ends, as shares of the width: with something beside the numbers, and without."""


@dataclass(frozen=True)
class ForestLine:
    """One line; `series` picks its colour, and `beside` stands after its numbers. Without an estimate it is the heading
    of the lines below it."""

    label: str
    estimate: Estimate | None = None
    series: int = 0
    beside: str = ""


def forest_plots(comparison: Comparison) -> list[Plot]:
    """AUROC by finding and model, and its differences from the reference, those first; what leads over many apart."""
    leads = list(comparison.leads)
    # The mean over one finding is that finding, and is told as such: it stands there once.
    told = [*leads, *(comparison.in_mean if len(comparison.in_mean) == 1 else ())]
    findings: list[str | None] = [count.finding for count in comparison.findings if count.finding not in told]
    if len(comparison.findings) == 1:
        findings = []
    together = (len(comparison.arms) + 1) * len(leads + findings) <= MOST_LINES
    plots = []
    for group in filter(None, [leads + findings] if together else [leads, findings]):
        if len(comparison.arms) > 1:
            plots.append(_differences(comparison, group))
        plots.append(_values(comparison, group))
    return plots


def forest_plot(
    name: str, title: str, caption: str, lines: Sequence[ForestLine], *, zero: float | None = None, axis: str = ""
) -> Plot:
    """The plot of some lines. `zero` marks the value of no effect and is always in view; `axis` names the values.

    A value whose interval was refused is drawn without one. An undefined value has its word and no mark.
    """

    def draw(figure: Figure) -> None:
        _draw(figure, lines, zero, axis)

    heading, rows = "", []
    for line in lines:
        if line.estimate is None:
            heading = line.label
            continue
        estimate = line.estimate
        bounds = (estimate.low, estimate.high, estimate.refused or "")
        rows.append((heading, line.label, estimate.value, *bounds, line.beside))
    numbers = pd.DataFrame(rows, columns=["group", "line", "value", "low", "high", "refused", "beside"])
    return Plot(name, title, caption, numbers, draw, (WIDTH, round(LINE_INCHES * len(lines) + HEAD + FOOT, 2)))


def _values(comparison: Comparison, findings: Sequence[str | None]) -> Plot:
    lines = []
    for finding in findings:
        lines.append(_heading(comparison, finding))
        for series, arm in enumerate(comparison.arms):
            lines.append(ForestLine(arm.name, comparison.estimates[arm.name, comparison.primary.name, finding], series))
    chance = comparison.primary.chance
    line = "" if chance is None else f" The dashed line at {chance:g} is chance."
    caption = f"Bars: 95 % intervals over patients.{line} A value without a bar has no interval."
    name, heading = comparison.primary.name, comparison.primary.title
    if findings[0] != comparison.leads[0]:
        name, heading = f"{name}_by_finding", f"{heading} by finding"
    return forest_plot(name, heading, caption, lines, zero=chance, axis=comparison.primary.title)


def _heading(comparison: Comparison, finding: str | None) -> ForestLine:
    metric = comparison.primary
    return ForestLine(subject(comparison, metric.name, finding).removeprefix(f"{metric.title} for "))


def _differences(comparison: Comparison, findings: Sequence[str | None]) -> Plot:
    lines = []
    for finding in findings:
        lines.append(_heading(comparison, finding))
        for series, arm in enumerate(comparison.arms[1:], start=1):
            difference = comparison.differences[arm.name, comparison.primary.name, finding]
            p = "" if difference.stated is None else p_value(difference.stated)
            lines.append(ForestLine(f"minus {arm.name}", difference.estimate, series, p))
    reference = comparison.reference.name
    caption = (
        f"{reference} minus each other model: right of the dashed line at zero {reference} is better, left of it the "
        "other one. Bars: 95 % intervals over patients, not corrected for how many there are."
    )
    axis = f"worse  ←  {short(reference, 24)}  →  better"
    name, heading = "differences", f"Differences in {comparison.primary.title}"
    if findings[0] != comparison.leads[0]:
        name, heading = "differences_by_finding", f"{heading} by finding"
    return forest_plot(name, heading, caption, lines, zero=0.0, axis=axis)


def _draw(figure: Figure, lines: Sequence[ForestLine], zero: float | None, axis: str) -> None:
    """Names, plot and numbers stand in columns of their own, whose places do not depend on what is in them."""
    figure.set_layout_engine("none")
    height = figure.get_size_inches()[1]
    left, right = COLUMNS if any(line.beside for line in lines) else COLUMNS_ALONE
    axes = figure.add_axes((left, FOOT / height, right - left, 1 - (FOOT + HEAD) / height))
    axes.set_ylim(len(lines) - 0.5, -0.5)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.margins(x=0.04)
    axes.set_xlabel(axis)
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    if zero is not None:
        axes.axvline(zero, color=TEXT, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
    across = blended_transform_factory(figure.transFigure, axes.transData)
    for y, line in enumerate(lines):
        if line.estimate is None:
            axes.text(0.004, y, short(line.label, 30), weight="bold", fontsize=9, va="center", transform=across)
            if y:
                axes.plot([0, 1], [y - 0.5, y - 0.5], color=LINE, linewidth=0.6, transform=across, clip_on=False)
            continue
        texts = [(0.018, short(line.label, 31)), (right + 0.02, with_interval(line.estimate)), (0.905, line.beside)]
        for x, text in texts:
            axes.text(x, y, text, fontsize=9, va="center", transform=across)
        _mark(axes, y, line.estimate, line.series)


def _mark(axes: Axes, y: int, estimate: Estimate, series: int) -> None:
    if math.isnan(estimate.value):
        return
    if estimate.low is not None and estimate.high is not None:
        axes.plot([estimate.low, estimate.high], [y, y], color=colour(series), linewidth=2, solid_capstyle="butt")
    look = {"color": colour(series), "markersize": 6, "markeredgecolor": BACK, "markeredgewidth": 0.6}
    axes.plot([estimate.value], [y], mark(series), **look)
