"""Reliability curves: the share of positives among rows of alike scores, with how the scores are spread below."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mmdx.stats.cohort.cohort import Cohort
from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.comparison.sums import clustered_share, group_weights, row_a_patient, wilson
from mmdx.stats.metrics.calibration import BINS
from mmdx.stats.report.plots import (
    ALONE,
    COLUMNS,
    colour,
    dash,
    handle,
    ink,
    mark,
    multiples_size,
    name_axes,
    names_above,
    names_beside,
    quiet,
    short,
    unit_square,
)
from mmdx.stats.report.section import Plot
from mmdx.stats.resampling.intervals import Estimate

MOST_FINDINGS = 6
"""Findings beyond which all are taken together."""
BAR_RESAMPLES = 300
TOGETHER = "all findings together"


@dataclass(frozen=True)
class _Curve:
    """Bins of equal count: the mean score of each, its share of positives, and how many rows it holds."""

    finding: str
    arm: int
    scores: Float[np.ndarray, "m"]
    means: list[float]
    shares: list[Estimate]
    counts: list[int]


def reliability_plot(
    cohort: Cohort,
    findings: list[int],
    scores: Float[np.ndarray, "a n f"],
    resampler: Resampler,
    *,
    scaled: bool,
) -> Plot:
    """The curves of the models for each of some findings, or for all together where these are more than six."""
    weights = resampler.at_most(BAR_RESAMPLES).drawn()
    parts = [[f] for f in findings] if len(findings) <= MOST_FINDINGS else [findings]
    curves = [_curve(cohort, part, scores, arm, weights) for part in parts for arm in cohort.models]
    shown = list(dict.fromkeys(curve.finding for curve in curves))

    def draw(figure: Figure) -> None:
        names = [cohort.arms[a].name for a in cohort.models]
        if len(shown) > 1:
            names_above(figure, names, cohort.models)
        else:
            names_beside(figure, [short(name, 28) for name in names], cohort.models)
        columns = min(len(shown), COLUMNS)
        lines = -(-len(shown) // columns)
        grid = figure.subplots(2 * lines, columns, squeeze=False, height_ratios=[5, 1] * lines)
        for place in range(lines * columns):
            axes, strip = (grid[2 * (place // columns) + below, place % columns] for below in (0, 1))
            if place >= len(shown):
                axes.set_axis_off()
                strip.set_axis_off()
                continue
            _draw(axes, strip, [curve for curve in curves if curve.finding == shown[place]])
            name_axes(axes, shown[place], 24 if columns > 1 else 40)
        figure.supxlabel("score", fontsize=9)
        figure.supylabel("share of positives", fontsize=9)

    bars = "Wilson's" if row_a_patient(cohort.patients) and len(parts[0]) == 1 else "patient bootstrap"
    caption = (
        f"Points: up to {BINS} bins of equally many rows, by their mean score. Bars: 95 % intervals ({bars}). Dotted: "
        "scores that mean what they say. Below: how the scores are spread."
    )
    name, title = ("reliability_scaled", "Reliability, scaled") if scaled else ("reliability", "Reliability")
    size = multiples_size(len(shown), 3.0) if len(shown) > 1 else ALONE
    alone = {
        finding: partial(_draw_alone, cohort, [curve for curve in curves if curve.finding == finding])
        for finding in shown
    }
    return Plot(name, title, caption, _numbers(cohort, curves), draw, size, alone)


def _curve(
    cohort: Cohort, findings: list[int], scores: Float[np.ndarray, "a n f"], arm: int, weights: np.ndarray
) -> _Curve:
    rows, columns = np.nonzero(~np.isnan(cohort.labels[:, findings]))
    labels, values = cohort.labels[:, findings][rows, columns], scores[arm][:, findings][rows, columns]
    patients = cohort.patients[rows]
    # Alike scores share a bin: constant scores have one.
    edges = np.unique(np.quantile(values, np.linspace(0, 1, BINS + 1)))
    place = np.clip(np.searchsorted(edges, values, "right") - 1, 0, max(len(edges) - 2, 0))
    count = int(place.max()) + 1
    totals = np.bincount(place, minlength=count).tolist()
    positives = np.bincount(place[labels == 1], minlength=count).tolist()
    if row_a_patient(patients):
        shares = [wilson(top, bottom) for top, bottom in zip(positives, totals, strict=True)]
    else:
        bottoms = group_weights(place, patients, weights, count)
        tops = group_weights(place[labels == 1], patients[labels == 1], weights, count)
        shares = [
            clustered_share(
                positives[b], totals[b], tops[:, b], bottoms[:, b], patients=len(np.unique(patients[place == b]))
            )
            for b in range(count)
        ]
    means = np.bincount(place, weights=values, minlength=count) / np.maximum(totals, 1)
    finding = TOGETHER if len(findings) > 1 else cohort.findings[findings[0]]
    return _Curve(finding, arm, values, means.tolist(), shares, totals)


def _draw_alone(cohort: Cohort, curves: list[_Curve], axes: Axes) -> None:
    """The curves of one finding with names inside of the plot, and below it how the scores are spread."""
    strip = axes.inset_axes((0, -0.25, 1, 0.2), facecolor=axes.get_facecolor())
    for side, spine in strip.spines.items():
        spine.set(edgecolor=quiet(axes), visible=side in ("left", "bottom"))
    strip.tick_params(colors=quiet(axes), labelsize=9, length=0)
    _draw(axes, strip, curves)
    name_axes(axes, curves[0].finding)
    handles = [handle(curve.arm, axes) for curve in curves]
    names = [short(cohort.arms[curve.arm].name, 28) for curve in curves]
    axes.legend(handles, names, loc="upper left", fontsize=8, handlelength=2.6, labelcolor=ink(axes), frameon=False)
    strip.set_xlabel("score", color=ink(axes), fontsize=axes.yaxis.label.get_fontsize())
    axes.set_ylabel("share of positives")


def _draw(axes: Axes, strip: Axes, curves: list[_Curve]) -> None:
    unit_square(axes)
    axes.plot([0, 1], [0, 1], color=quiet(axes), linewidth=0.8, linestyle=":")
    for curve in curves:
        look = {"color": colour(curve.arm, axes), "linewidth": 1.1}
        for mean, share in zip(curve.means, curve.shares, strict=True):
            if share.low is not None and share.high is not None:
                axes.plot([mean, mean], [share.low, share.high], alpha=0.55, solid_capstyle="butt", **look)
        values = [share.value for share in curve.shares]
        axes.plot(curve.means, values, marker=mark(curve.arm), markersize=4, linestyle=dash(curve.arm), **look)
        strip.hist(curve.scores, np.linspace(0, 1, 21).tolist(), histtype="step", linestyle=dash(curve.arm), **look)
    axes.set_xticks((0, 0.5, 1), ("", "", ""))
    strip.set_xlim(-0.02, 1.02)
    strip.set_xticks((0, 0.5, 1), ("0", "0.5", "1"))
    strip.set_yticks([])


def _numbers(cohort: Cohort, curves: list[_Curve]) -> pd.DataFrame:
    rows = [
        (curve.finding, cohort.arms[curve.arm].name, mean, share.value, share.low, share.high, count)
        for curve in curves
        for mean, share, count in zip(curve.means, curve.shares, curve.counts, strict=True)
    ]
    return pd.DataFrame(rows, columns=["finding", "model", "mean_score", "share_positive", "low", "high", "rows"])
