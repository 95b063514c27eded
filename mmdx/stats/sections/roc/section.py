"""ROC and precision-recall curves of the models, by finding or, where there are many, their mean, with bands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
import pandas as pd
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mmdx.stats.cohort.cohort import Cohort
from mmdx.stats.cohort.counts import mean_columns, refusals
from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.metrics.folds import measure
from mmdx.stats.metrics.registry import METRICS
from mmdx.stats.report.plots import (
    ALONE,
    colour,
    dash,
    handle,
    ink,
    multiples,
    multiples_size,
    name_axes,
    names_above,
    names_beside,
    quiet,
    short,
    unit_square,
)
from mmdx.stats.report.section import Plot, Section
from mmdx.stats.report.words import number
from mmdx.stats.resampling.intervals import why_too_few
from mmdx.stats.sections.roc.curves import GRID, band, roc_and_pr

BAND_RESAMPLES = 300
MOST_FINDINGS, MOST_BANDS = 6, 4
"""Findings that have a plot each, and models whose bands can be told apart in one."""
MEAN = "mean over findings"


@dataclass(frozen=True)
class _Curve:
    """One curve over `GRID`; bounds are NaN where too few patients bear them.

    `area` stands in the legend; `base` is the share of positive rows.
    """

    finding: str
    arm: int
    values: Float[np.ndarray, "g"]
    low: Float[np.ndarray, "g"]
    high: Float[np.ndarray, "g"]
    area: float
    base: float


def roc_section(cohort: Cohort, resampler: Resampler) -> Section | None:
    """Curves of every model for each finding that has both classes, the primary one first.

    Of more than six findings the primary one is drawn, or where there is none the mean.
    """
    findings = [f for f in range(len(cohort.findings)) if cohort.compares(f)]
    if not findings or not cohort.models:
        return None
    findings.sort(key=lambda f: cohort.findings[f] != cohort.primary_finding)
    first = cohort.findings[findings[0]]
    drawn = first if first == cohort.primary_finding else MEAN
    resampler = resampler.at_most(BAND_RESAMPLES)
    roc, pr = _curves(cohort, findings, resampler)
    shown = [drawn] if len(findings) > MOST_FINDINGS else [cohort.findings[f] for f in findings]
    notes = [
        f"Bands are pointwise 95 % percentile bands over {resampler.resamples} resamples of patients, the same for "
        "every model: a band holds a point of a curve, not the whole of it. None is drawn where too few patients bear "
        "it. A resample without the hardest positive rows looks better, so that a band may leave its curve at high "
        "sensitivities."
    ]
    if len(findings) > MOST_FINDINGS:
        counted = len(mean_columns(cohort))
        mean = f"means over {counted} findings, of sensitivity or precision at each place"
        notes.append(f"Drawn are {mean if drawn == MEAN else f'those of the primary finding, {drawn}'}.")
    if any(cohort.arms[arm].folds > 1 for arm in cohort.models):
        notes.append(
            "Of a cross-validated model the ROC curve is the mean over its folds, each weighted by its pairs of a "
            "positive and a negative row; the precision-recall curve is that of ranks within folds."
        )
    if len(cohort.models) > MOST_BANDS:
        notes.append("Of so many models the band of the first alone is drawn; the figures' numbers hold all of them.")
    record = {"resamples": resampler.resamples, "findings": [cohort.findings[f] for f in findings], "grid": len(GRID)}
    plots = (_plot(cohort, roc, shown, ROC), _plot(cohort, pr, shown, PR))
    return Section("roc", "ROC and precision-recall", plots=plots, notes=tuple(notes), record=record)


def _curves(cohort: Cohort, findings: list[int], resampler: Resampler) -> tuple[list[_Curve], list[_Curve]]:
    """ROC and precision-recall curves of each finding and model, and after them those of the mean."""
    weights = resampler.drawn()
    # First all as they are, then the resamples.
    weights = np.concatenate([np.ones_like(weights[:1]), weights])
    by_kind: tuple[list[_Curve], list[_Curve]] = ([], [])
    means = np.zeros((2, len(cohort.arms), len(weights), len(GRID)))
    areas = np.zeros((2, len(cohort.arms)))
    bases, in_mean = [], mean_columns(cohort)
    for f in findings:
        labelled = _known(cohort, f)
        labels, of = cohort.labels[labelled, f], cohort.patients[labelled]
        base = float(labels.mean())
        bases += [base] if f in in_mean else []
        refused = why_too_few(labels, of) is not None
        once = np.ones((1, len(labels)), dtype=np.int32)
        for arm in cohort.models:
            scores, folds = cohort.scored[arm][0].finding(f, labelled)
            areas_of_model = [measure(METRICS[name], labels, scores, once, folds)[0] for name in ("auroc", "ap")]
            for kind, curve in enumerate(roc_and_pr(labels, scores, of, weights, folds)):
                by_kind[kind].append(_curve(cohort.findings[f], arm, curve, areas_of_model[kind], base, refused))
                if f in in_mean:
                    means[kind, arm] += curve / len(in_mean)
                    areas[kind, arm] += areas_of_model[kind] / len(in_mean)
    few = refusals(cohort, in_mean)[-1] is not None
    for kind, curves in enumerate(by_kind):
        for arm in cohort.models:
            mean = _curve(MEAN, arm, means[kind, arm], areas[kind, arm], float(np.mean(bases)), few)
            curves.append(mean)
    return by_kind


def _curve(finding: str, arm: int, curve: np.ndarray, area: float, base: float, refused: bool) -> _Curve:
    low, high = band(np.full_like(curve[1:], np.nan) if refused else curve[1:])
    return _Curve(finding, arm, curve[0], low, high, float(area), base)


@dataclass(frozen=True)
class _Kind:
    """What tells a plot of ROC curves from one of precision-recall curves."""

    name: str
    title: str
    across: str
    up: str
    area: str
    legend: Literal["lower right", "lower left"]
    line: Callable[[Axes, float], object]
    line_is: str


def _chance(axes: Axes, base: float) -> object:
    return axes.plot([0, 1], [0, 1], color=quiet(axes), linewidth=0.8, linestyle=":")


def _prevalence(axes: Axes, base: float) -> object:
    return axes.plot([0, 1], [base, base], color=quiet(axes), linewidth=0.8, linestyle=":")


ROC = _Kind("roc", "ROC curves", "1 − specificity", "sensitivity", "AUROC", "lower right", _chance, "chance")
PR = _Kind(
    "precision_recall",
    "Precision-recall curves",
    "sensitivity (recall)",
    "precision",
    "AP",
    "lower left",
    _prevalence,
    "the share of positives, which chance reaches",
)


def _plot(cohort: Cohort, curves: list[_Curve], shown: list[str], kind: _Kind) -> Plot:
    numbers = [
        pd.DataFrame(
            {"finding": curve.finding, "model": cohort.arms[curve.arm].name, kind.across: GRID, kind.up: curve.values}
            | {"low": curve.low, "high": curve.high}
        )
        for curve in curves
        if curve.finding in shown
    ]

    def draw(figure: Figure) -> None:
        if len(shown) > 1:
            names_above(figure, [cohort.arms[a].name for a in cohort.models], cohort.models, marks=False)
        for axes, finding in zip(multiples(figure, shown), shown, strict=True):
            chosen = [curve for curve in curves if curve.finding == finding]
            _draw(axes, chosen, kind)
            if len(shown) > 1:
                _legend(axes, chosen, [number(curve.area) for curve in chosen], kind)
            else:
                names_beside(figure, _labels(cohort, chosen), cohort.models, marks=False, title=kind.area)
        figure.supxlabel(kind.across, fontsize=9)
        figure.supylabel(kind.up, fontsize=9)

    size = multiples_size(len(shown)) if len(shown) > 1 else ALONE
    banded = [curve for curve in curves if curve.finding in shown and not np.isnan(curve.low).all()]
    whose = "" if len(cohort.models) <= MOST_BANDS else f" of {cohort.arms[cohort.models[0]].name}"
    shaded = f" Shaded: 95 % bands{whose} over patients." if banded else ""
    caption = f"With the {kind.area} of each model; dotted: {kind.line_is}.{shaded}"
    findings = dict.fromkeys(curve.finding for curve in curves)
    alone = {
        finding: partial(_draw_alone, cohort, [curve for curve in curves if curve.finding == finding], kind)
        for finding in findings
        if finding != MEAN or len(findings) > 2  # the mean over one finding is that finding
    }
    return Plot(kind.name, kind.title, caption, pd.concat(numbers), draw, size, alone)


def _draw_alone(cohort: Cohort, curves: list[_Curve], kind: _Kind, axes: Axes) -> None:
    """The curves of one finding with names and areas inside of the plot."""
    unit_square(axes)
    name_axes(axes, curves[0].finding)
    _draw(axes, curves, kind)
    _legend(axes, curves, _labels(cohort, curves), kind, title=kind.area)
    axes.set_xlabel(kind.across)
    axes.set_ylabel(kind.up)


def _labels(cohort: Cohort, curves: list[_Curve]) -> list[str]:
    """The area below each curve and the name of its model."""
    return [f"{number(curve.area)}  {short(cohort.arms[curve.arm].name, 24)}" for curve in curves]


def _legend(axes: Axes, curves: list[_Curve], labels: list[str], kind: _Kind, title: str | None = None) -> None:
    handles = [handle(curve.arm, axes, marks=False) for curve in curves]
    look = {"fontsize": 8, "handlelength": 2.2, "labelspacing": 0.15, "borderpad": 0.1, "title_fontsize": 8}
    look |= {"frameon": True, "facecolor": axes.get_facecolor(), "edgecolor": "none", "labelcolor": ink(axes)}
    axes.legend(handles, labels, loc=kind.legend, title=title, alignment="left", **look)


def _draw(axes: Axes, curves: list[_Curve], kind: _Kind) -> None:
    kind.line(axes, curves[0].base)
    for order, curve in enumerate(curves):
        shade = colour(curve.arm, axes)
        if order == 0 or len(curves) <= MOST_BANDS:
            axes.fill_between(GRID[::2], curve.low[::2], curve.high[::2], color=shade, alpha=0.14, linewidth=0)
        axes.plot(GRID, curve.values, color=shade, linestyle=dash(curve.arm), linewidth=1.4)


def _known(cohort: Cohort, finding: int) -> np.ndarray:
    return ~np.isnan(cohort.labels[:, finding])
