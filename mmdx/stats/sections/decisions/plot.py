"""Net benefit curves of the models by finding, with bands, beside acting on all or on none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mmdx.stats.cohort.cohort import Cohort
from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.report.plots import (
    ALONE,
    COLUMNS,
    colour,
    dash,
    handle,
    ink,
    multiples_size,
    name_axes,
    names_above,
    names_beside,
    quiet,
    short,
)
from mmdx.stats.report.section import Plot
from mmdx.stats.resampling.intervals import why_too_few
from mmdx.stats.sections.decisions.benefit import GRID, FindingRows, all_curve, model_curve
from mmdx.stats.sections.roc.curves import band

MOST_BANDS = 4
"""Models whose bands can be told apart in one plot."""
SEEN = 4
"""Thresholds are drawn up to so many times the share of positives: beyond, hardly anything is acted on."""
BEST = "all"
"""What acting on every row is called in the numbers."""


@dataclass(frozen=True)
class Curve:
    """Net benefit at each threshold of `GRID`, of a model or (None) of acting on all; bounds are NaN without a band."""

    finding: str
    arm: int | None
    prevalence: float
    values: Float[np.ndarray, "g"]
    low: Float[np.ndarray, "g"]
    high: Float[np.ndarray, "g"]


def benefit_curves(cohort: Cohort, every: Sequence[FindingRows], resampler: Resampler) -> list[Curve]:
    """Acting on all, and each model, by finding, over the same resamples."""
    drawn = resampler.drawn()
    weights = np.concatenate([np.ones_like(drawn[:1]), drawn])  # first all as they are
    curves = []
    for rows in every:
        finding, prevalence = cohort.findings[rows.finding], float(rows.labels.mean())
        refused = why_too_few(rows.labels, rows.patients) is not None
        for arm in (None, *rows.scores):
            own = all_curve(rows, weights) if arm is None else model_curve(rows, arm, weights)
            low, high = band(np.full_like(own[1:], np.nan) if refused else own[1:])
            curves.append(Curve(finding, arm, prevalence, own[0], low, high))
    return curves


def benefit_plot(cohort: Cohort, curves: Sequence[Curve]) -> Plot:
    """One small plot per finding, in the order of the curves."""
    shown = list(dict.fromkeys(curve.finding for curve in curves))

    def draw(figure: Figure) -> None:
        names = [cohort.arms[arm].name for arm in cohort.models]
        if len(shown) > 1:
            names_above(figure, names, cohort.models, marks=False)
        else:
            names_beside(figure, [short(name, 28) for name in names], cohort.models, marks=False)
        columns = min(len(shown), COLUMNS)
        grid = figure.subplots(-(-len(shown) // columns), columns, squeeze=False).ravel()
        for spare in grid[len(shown) :]:
            spare.set_axis_off()
        for axes, finding in zip(grid, shown, strict=False):
            _draw(axes, [curve for curve in curves if curve.finding == finding])
            name_axes(axes, finding, 24 if columns > 1 else 40)
        figure.supxlabel("threshold of the probability", fontsize=9)
        figure.supylabel("net benefit", fontsize=9)

    caption = (
        "True positives minus false ones, weighed by the odds of the threshold, per row. Grey: acting on all (falling) "
        f"or on none (0). Bands: pointwise 95 %. Drawn up to {SEEN} times the share of positives; the numbers of the "
        "figure go on to 0.99."
    )
    size = multiples_size(len(shown), 2.6) if len(shown) > 1 else ALONE
    alone = {
        finding: partial(_draw_alone, cohort, [curve for curve in curves if curve.finding == finding])
        for finding in shown
    }
    return Plot("net_benefit", "Net benefit", caption, _numbers(cohort, curves), draw, size, alone)


def _draw(axes: Axes, curves: Sequence[Curve]) -> None:
    last = float(np.clip(np.ceil(curves[0].prevalence * SEEN * 10) / 10, 0.1, 0.99))
    seen = last + 1e-9 >= GRID
    top = max(float(np.nanmax([curve.values[seen].max(), *curve.high[seen][:1]])) for curve in curves)
    axes.axhline(0, color=quiet(axes), linewidth=0.9)
    models = [curve for curve in curves if curve.arm is not None]
    for curve in curves:
        if curve.arm is None:
            axes.plot(GRID[seen], curve.values[seen], color=quiet(axes), linewidth=0.9)
            continue
        shade = colour(curve.arm, axes)
        if curve is models[0] or len(models) <= MOST_BANDS:
            axes.fill_between(GRID[seen], curve.low[seen], curve.high[seen], color=shade, alpha=0.14, linewidth=0)
        axes.plot(GRID[seen], curve.values[seen], color=shade, linestyle=dash(curve.arm), linewidth=1.4)
    axes.set_xlim(0, last)
    axes.set_ylim(-0.3 * max(top, 0.01), 1.1 * max(top, 0.01))


def _draw_alone(cohort: Cohort, curves: Sequence[Curve], axes: Axes) -> None:
    """The curves of one finding with names inside of the plot."""
    _draw(axes, curves)
    name_axes(axes, curves[0].finding)
    arms = [curve.arm for curve in curves if curve.arm is not None]
    handles = [handle(arm, axes, marks=False) for arm in arms]
    names = [short(cohort.arms[arm].name, 28) for arm in arms]
    axes.legend(handles, names, loc="upper right", fontsize=8, handlelength=2.6, labelcolor=ink(axes), frameon=False)
    axes.set_xlabel("threshold of the probability")
    axes.set_ylabel("net benefit")


def _numbers(cohort: Cohort, curves: Sequence[Curve]) -> pd.DataFrame:
    tables = [
        pd.DataFrame(
            {
                "finding": curve.finding,
                "model": BEST if curve.arm is None else cohort.arms[curve.arm].name,
                "threshold": GRID,
                "net_benefit": curve.values,
                "low": curve.low,
                "high": curve.high,
            }
        )
        for curve in curves
    ]
    return pd.concat(tables, ignore_index=True)
