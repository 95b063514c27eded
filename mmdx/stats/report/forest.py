"""Forest plots: one line per value with its interval, and the numbers beside it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import ScaledTranslation, Transform, blended_transform_factory

from mmdx.stats.comparison.compare import Comparison
from mmdx.stats.report.claims import subject
from mmdx.stats.report.plots import colour, ink, mark, short
from mmdx.stats.report.section import Plot
from mmdx.stats.report.words import p_value, with_interval
from mmdx.stats.resampling.intervals import Estimate

MOST_LINES = 40
"""Lines beyond which a plot of what leads (the primary finding, the macro mean) stands first, and the others apart."""
WIDTH, LINE_INCHES, HEAD, FOOT = 7.2, 0.21, 0.08, 0.45
COLUMNS, COLUMNS_ALONE, BESIDE = (0.35, 0.68), (0.35, 0.77), 0.905
"""Where the plot itself begins and ends, as shares of the width: with something beside the numbers, and without; and
where that begins."""
INDENT, NUMBERS_INCHES, LETTER_INCHES = 0.1, 0.144, 0.07
"""Inches of names below a heading, of numbers from the plot, and of a letter."""


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
    leads, findings = list(comparison.leads), _told(comparison)[len(comparison.leads) :]
    plots = []
    for group in filter(None, [leads + findings] if _together(comparison) else [leads, findings]):
        if len(comparison.arms) > 1:
            plots.append(_plot(comparison, group, differences=True))
        plots.append(_plot(comparison, group, differences=False))
    return plots


def forest_lines(comparison: Comparison, finding: str | None = None, *, differences: bool = False) -> list[ForestLine]:
    """The lines of AUROC by finding and model, or of its differences from the reference, those of one finding alone
    where it is named; where there are too many for one plot, those of what leads."""
    findings = [finding] if finding is not None else _told(comparison)
    if finding is None and not _together(comparison):
        findings = list(comparison.leads)
    return _lines(comparison, findings, differences=differences)


def better_or_worse(comparison: Comparison) -> str:
    """What stands below differences from the reference."""
    return f"worse  ←  {short(comparison.reference.name, 24)}  →  better"


def _told(comparison: Comparison) -> list[str | None]:
    """What leads, then the findings that are not told with it."""
    leads = list(comparison.leads)
    # The mean over one finding is that finding, and is told as such: it stands there once.
    told = [*leads, *(comparison.in_mean if len(comparison.in_mean) == 1 else ())]
    findings = [count.finding for count in comparison.findings if count.finding not in told]
    return leads + (findings if len(comparison.findings) > 1 else [])


def _together(comparison: Comparison) -> bool:
    return (len(comparison.arms) + 1) * len(_told(comparison)) <= MOST_LINES


def forest_plot(
    name: str, title: str, caption: str, lines: Sequence[ForestLine], *, zero: float | None = None, axis: str = ""
) -> Plot:
    """The plot of some lines. `zero` marks the value of no effect and is always in view; `axis` names the values.

    A value whose interval was refused is drawn without one. An undefined value has its word and no mark.
    """

    def draw(figure: Figure) -> None:
        _draw_alone(figure, lines, zero, axis)

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


def _plot(comparison: Comparison, findings: Sequence[str | None], *, differences: bool) -> Plot:
    metric, lines = comparison.primary, _lines(comparison, findings, differences=differences)
    name, heading = ("differences", f"Differences in {metric.title}") if differences else (metric.name, metric.title)
    if findings[0] != comparison.leads[0]:
        name, heading = f"{name}_by_finding", f"{heading} by finding"
    if differences:
        reference = comparison.reference.name
        caption = (
            f"{reference} minus each other model: right of the dashed line at zero {reference} is better, left of it "
            "the other one. Bars: 95 % intervals over patients, not corrected for how many there are."
        )
        return forest_plot(name, heading, caption, lines, zero=0.0, axis=better_or_worse(comparison))
    line = "" if metric.chance is None else f" The dashed line at {metric.chance:g} is chance."
    caption = f"Bars: 95 % intervals over patients.{line} A value without a bar has no interval."
    return forest_plot(name, heading, caption, lines, zero=metric.chance, axis=metric.title)


def _lines(comparison: Comparison, findings: Sequence[str | None], *, differences: bool) -> list[ForestLine]:
    lines, metric = [], comparison.primary
    for finding in findings:
        lines.append(ForestLine(subject(comparison, metric.name, finding).removeprefix(f"{metric.title} for ")))
        for series, arm in enumerate(comparison.arms):
            key = arm.name, metric.name, finding
            if not differences:
                lines.append(ForestLine(arm.name, comparison.estimates[key], series))
            elif series:
                difference = comparison.differences[key]
                p = "" if difference.stated is None else p_value(difference.stated)
                lines.append(ForestLine(f"minus {arm.name}", difference.estimate, series, p))
    return lines


@dataclass(frozen=True)
class _Columns:
    """Where the columns beside a plot begin, in inches: names left of its left edge, what stands beside the numbers
    right of its right edge. Lines between groups run through all of `whole`, from 0 to 1."""

    names: float
    beside: float
    whole: Transform


def draw_forest(axes: Axes, lines: Sequence[ForestLine], *, zero: float | None = None, axis: str = "") -> None:
    """Draws a forest plot on some axes, with names and numbers beside them, as near as the longest of them lets."""
    names, beside = beside_forest(lines)
    _draw(axes, lines, zero, axis, _Columns(names, beside, axes.transAxes))


def beside_forest(lines: Sequence[ForestLine]) -> tuple[float, float]:
    """The inches that names take left of a forest plot, and numbers right of it; what stands beside these follows."""
    longest = max(len(short(line.label, 31)) for line in lines)
    numbers = max((len(with_interval(line.estimate)) for line in lines if line.estimate is not None), default=0)
    return 0.3 + LETTER_INCHES * longest, NUMBERS_INCHES + 0.15 + LETTER_INCHES * numbers


def _draw_alone(figure: Figure, lines: Sequence[ForestLine], zero: float | None, axis: str) -> None:
    """Names, plot and numbers stand in columns of their own, whose places do not depend on what is in them."""
    figure.set_layout_engine("none")
    height = figure.get_size_inches()[1]
    left, right = COLUMNS if any(line.beside for line in lines) else COLUMNS_ALONE
    axes = figure.add_axes((left, FOOT / height, right - left, 1 - (FOOT + HEAD) / height))
    columns = _Columns(WIDTH * (left - 0.004), WIDTH * (BESIDE - right), figure.transFigure)
    _draw(axes, lines, zero, axis, columns)


def _draw(axes: Axes, lines: Sequence[ForestLine], zero: float | None, axis: str, columns: _Columns) -> None:
    axes.set_ylim(len(lines) - 0.5, -0.5)
    axes.set_yticks([])
    axes.spines[["left", "right", "top"]].set_visible(False)
    axes.margins(x=0.04)
    axes.set_xlabel(axis)
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    if zero is not None:
        axes.axvline(zero, color=ink(axes), linewidth=1, linestyle=(0, (4, 3)), zorder=1)
    look = {"fontsize": 9, "va": "center", "color": ink(axes)}
    for y, line in enumerate(lines):
        if line.estimate is None:
            heading = _beside(axes, -columns.names)
            axes.text(0, y, short(line.label, 30), weight="bold", transform=heading, **look)
            if y:
                rule = {"color": axes.xaxis.get_gridlines()[0].get_color(), "linewidth": 0.6, "clip_on": False}
                across = blended_transform_factory(columns.whole, axes.transData)
                axes.plot([0, 1], [y - 0.5, y - 0.5], transform=across, **rule)
            continue
        texts = [
            (0, short(line.label, 31), INDENT - columns.names),
            (1, with_interval(line.estimate), NUMBERS_INCHES),
            (1, line.beside, columns.beside),
        ]
        for edge, text, inches in texts:
            axes.text(edge, y, text, transform=_beside(axes, inches), **look)
        _mark(axes, y, line.estimate, line.series)


def _beside(axes: Axes, inches: float) -> Transform:
    """So many inches right of a place across some axes (0 to 1), at the height of a line."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    moved = axes.transAxes + ScaledTranslation(inches, 0, figure.dpi_scale_trans)
    return blended_transform_factory(moved, axes.transData)


def _mark(axes: Axes, y: int, estimate: Estimate, series: int) -> None:
    if math.isnan(estimate.value):
        return
    shade = colour(series, axes)
    if estimate.low is not None and estimate.high is not None:
        axes.plot([estimate.low, estimate.high], [y, y], color=shade, linewidth=2, solid_capstyle="butt")
    look = {"color": shade, "markersize": 6, "markeredgecolor": axes.get_facecolor(), "markeredgewidth": 0.6}
    axes.plot([estimate.value], [y], mark(series), **look)
