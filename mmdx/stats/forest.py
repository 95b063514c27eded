"""A forest plot as inline SVG: one line a value with its interval, drawn without any script or library."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from mmdx.stats.intervals import Estimate
from mmdx.stats.tables import with_interval

LEFT, PLOT, RIGHT = 190, 330, 180
LINE, HEAD, FOOT = 22, 8, 30
COLOURS = 6
LONGEST = 28


@dataclass(frozen=True)
class ForestLine:
    """One line; `series` picks its colour. Without an estimate it is the heading of the lines below it."""

    label: str
    estimate: Estimate | None = None
    series: int = 0


def forest(lines: Sequence[ForestLine], *, title: str, zero: float | None = None, most: float | None = None) -> str:
    """The plot of some lines, `title` being its text for a screen reader.

    `zero` marks the value of no effect and is always in view; `most` is the largest value that can be. Colours are the
    classes `s0` to `s5` of the page that holds the plot.
    """
    low, high, step = _axis([line.estimate for line in lines if line.estimate], zero, most)
    bottom = HEAD + LINE * len(lines)
    width, height = LEFT + PLOT + RIGHT, bottom + FOOT

    def x(value: float) -> float:
        return round(LEFT + PLOT * (value - low) / (high - low), 1)

    parts = [f'<svg class="forest" role="img" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">']
    parts.append(f"<title>{escape(title)}</title>")
    for tick in range(round((high - low) / step) + 1):
        value = low + tick * step
        kind = "zero" if zero is not None and math.isclose(value, zero, abs_tol=1e-9) else "grid"
        parts.append(f'<line class="{kind}" x1="{x(value)}" x2="{x(value)}" y1="{HEAD}" y2="{bottom}"/>')
        parts.append(f'<text class="tick" x="{x(value)}" y="{bottom + 18}">{_tick(value, step)}</text>')
    for index, line in enumerate(lines):
        parts += _marks(line, HEAD + LINE * index + LINE / 2, x)
    return "".join([*parts, "</svg>"])


def _marks(line: ForestLine, y: float, x: Callable[[float], float]) -> list[str]:
    label = line.label if len(line.label) <= LONGEST else line.label[: LONGEST - 1] + "…"
    if line.estimate is None:
        return [f'<text class="group" x="0" y="{y + 4}">{escape(label)}<title>{escape(line.label)}</title></text>']
    estimate, colour = line.estimate, f"s{line.series % COLOURS}"
    marks = [f'<text x="12" y="{y + 4}">{escape(label)}<title>{escape(line.label)}</title></text>']
    if estimate.low is not None and estimate.high is not None:
        marks.append(f'<line class="{colour}" x1="{x(estimate.low)}" x2="{x(estimate.high)}" y1="{y}" y2="{y}"/>')
    if not math.isnan(estimate.value):
        marks.append(f'<circle class="{colour}" cx="{x(estimate.value)}" cy="{y}" r="4"/>')
    return [
        *marks,
        f'<text class="value" x="{LEFT + PLOT + RIGHT}" y="{y + 4}">{escape(with_interval(estimate))}</text>',
    ]


def _axis(estimates: Sequence[Estimate], zero: float | None, most: float | None) -> tuple[float, float, float]:
    """Round bounds that hold every value and interval, and the distance of the ticks."""
    values = [value for each in estimates for value in (each.value, each.low, each.high) if value is not None]
    values = [value for value in values if not math.isnan(value)] + [value for value in (zero,) if value is not None]
    least, largest = min(values, default=0.0), max(values, default=1.0)
    span = max(largest - least, 0.02)
    step = next(each for each in (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, math.inf) if span / each <= 6)
    low, high = math.floor(least / step + 1e-9) * step, math.ceil(largest / step - 1e-9) * step
    if high - low < step / 2:
        low, high = low - step, high + step
    if most is not None and high > most:
        high = most
    return low, high, step


def _tick(value: float, step: float) -> str:
    return f"{value + 0.0:.{3 if step < 0.01 else 2 if step < 0.1 else 1}f}"
