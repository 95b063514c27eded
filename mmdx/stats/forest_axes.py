"""A forest plot on matplotlib axes: a line a value with its interval, under headings where there are blocks of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes

from mmdx.stats.intervals import Estimate
from mmdx.stats.plots import MARKS, QUIET, TEXT, colour

LONGEST = 34
ROW = 0.27
"""Inches that a line takes."""


@dataclass(frozen=True)
class ForestRow:
    """One line. `series` picks its colour and mark; without an estimate it is the heading of the lines below it."""

    label: str
    estimate: Estimate | None = None
    series: int = 0


def height(rows: Sequence[ForestRow]) -> float:
    """Inches of a figure that holds these lines."""
    return ROW * len(rows) + 0.9


def draw_forest(
    axes: Axes, rows: Sequence[ForestRow], *, label: str, marked: Sequence[float] = (), named: bool = True
) -> None:
    """The lines from the top; `marked` values get a line from top to bottom, dashed but for 0; `label` is that
    of the x axis.

    Without `named` the lines have no names, for axes beside others that give them.
    """
    for place, row in enumerate(rows):
        if row.estimate is None or math.isnan(row.estimate.value):
            continue
        low, high = row.estimate.low, row.estimate.high
        if low is not None and high is not None:
            axes.plot([low, high], [place, place], color=colour(row.series), linewidth=1.6, solid_capstyle="butt")
        mark = MARKS[row.series % len(MARKS)]
        # A value without an interval is hollow: nothing says how sure it is.
        filled = colour(row.series) if low is not None else "none"
        axes.plot(
            row.estimate.value, place, mark, markersize=5, color=colour(row.series), markerfacecolor=filled, zorder=3
        )
    for value in marked:
        axes.axvline(value, color=QUIET, linewidth=1.0, linestyle="-" if value == 0 else "--", zorder=1)
    axes.set_yticks(range(len(rows)), [_short(row.label) if named else "" for row in rows])
    for tick, row in zip(axes.get_yticklabels(), rows, strict=True):
        tick.set_color(TEXT)
        tick.set_fontweight("bold" if row.estimate is None else "normal")
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(label)


def forest_numbers(rows: Sequence[ForestRow]) -> pd.DataFrame:
    """What the lines show, headings aside."""
    shown = [(row.label, row.estimate) for row in rows if row.estimate is not None]
    return pd.DataFrame(
        [(label, each.value, each.low, each.high) for label, each in shown], columns=["label", "value", "low", "high"]
    )


def _short(label: str) -> str:
    return label if len(label) <= LONGEST else label[: LONGEST - 1] + "…"
