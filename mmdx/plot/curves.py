"""What a comparison says, on axes of matplotlib: ROC curves, calibration, forests of values and of differences."""

from __future__ import annotations

from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes

from mmdx.errors import DataError, UsageError, did_you_mean
from mmdx.stats.comparison.compare import Comparison
from mmdx.stats.evidence import Evidence
from mmdx.stats.report.forest import (
    FOOT,
    HEAD,
    LINE_INCHES,
    beside_forest,
    better_or_worse,
    draw_forest,
    forest_lines,
)
from mmdx.stats.report.plots import LOOK, own_axes
from mmdx.stats.report.section import Plot
from mmdx.stats.sections.missing.section import EVERY
from mmdx.stats.sections.reliability.plot import TOGETHER
from mmdx.stats.sections.roc.section import MEAN

SQUARE = (4.4, 4.4)
"""Inches of a plot with shares on both axes."""
WIDE = (5.6, 3.8)
"""Inches of a curve over shares of studies."""
ACROSS = 3.2
"""Inches of a forest between names and numbers."""


def roc(evidence: Evidence, finding: str | None = None, *, ax: Axes | None = None) -> Axes:
    """The ROC curves of all models for a finding, with their AUROC, and 95 % bands over patients where enough bear
    them.

    Without `finding`, those of the primary one or of the only one, else the mean over findings. Raises `UsageError` for
    a finding without a curve and for what is no `Evidence`, and `DataError` where no finding has both classes.
    """
    plot = _plot(evidence, "roc", "plot.roc")
    return _drawn(plot, _finding(evidence, plot, finding, MEAN, "plot.roc"), ax)


def calibration(
    evidence: Evidence, finding: str | None = None, *, scaled: bool = False, ax: Axes | None = None
) -> Axes:
    """Whether a score of 0.8 means eight in ten: the share of positives among rows of alike scores, by model, with
    95 % intervals, and below it how the scores are spread.

    With `scaled` the scores are those after temperature scaling, which validation predictions take. Without `finding`,
    the primary one or the only one; of more than six findings, all together. Raises `UsageError` for a finding without
    a curve, where none is named of several, and for what is no `Evidence`, and `DataError` where no finding has both
    classes, or no temperature could be fitted.
    """
    name = "reliability_scaled" if scaled else "reliability"
    plot = _plot(evidence, name, "plot.calibration")
    return _drawn(plot, _finding(evidence, plot, finding, TOGETHER, "plot.calibration"), ax)


def missing(evidence: Evidence, modality: str | None = None, *, ax: Axes | None = None) -> Axes:
    """What is left as a modality goes missing: the AUROC of one checkpoint, from every study having it to none, with
    95 % bands over patients; dashed, a model that never had it.

    Without `modality`, every one that was withheld. Raises `UsageError` for a modality that was not, and for what is no
    `Evidence`, and `DataError` where none was.
    """
    plot = _plot(evidence, "missing_rate", "plot.missing")
    if modality is not None and modality not in plot.alone:
        known = did_you_mean(modality, [name for name in plot.alone if name != EVERY])
        raise UsageError(f"plot.missing: '{modality}' was not withheld; {known}")
    return _drawn(plot, EVERY if modality is None else modality, ax, WIDE)


def forest(
    comparison: Evidence | Comparison, finding: str | None = None, *, differences: bool = False, ax: Axes | None = None
) -> Axes:
    """The AUROC of each model and finding with its 95 % interval, the numbers beside it; with `differences` the first
    model minus each other one, and the p-value of each.

    Without `finding` all of them, below what the comparison leads with; that alone where there are too many for one
    plot. Names and numbers stand left and right of the axes. Raises `UsageError` for a finding that was not compared,
    for differences of one model, and for what is no comparison.
    """
    found = comparison.comparison if isinstance(comparison, Evidence) else comparison
    if not isinstance(found, Comparison):
        raise UsageError(f"plot.forest: {_kind(comparison)} is no comparison; give what mmdx.compare returns")
    names = [count.finding for count in found.findings]
    if finding is not None and finding not in names:
        raise UsageError(f"plot.forest: no finding '{finding}'; {did_you_mean(finding, names)}")
    if differences and len(found.arms) < 2:
        raise UsageError(
            f"plot.forest: '{found.reference.name}' stands alone, and differs from nothing; compare two models"
        )
    lines = forest_lines(found, finding, differences=differences)
    zero = 0.0 if differences else found.primary.chance
    axis = better_or_worse(found) if differences else found.primary.title
    if ax is None:
        ax = own_axes((sum(beside_forest(lines)) + ACROSS, LINE_INCHES * len(lines) + HEAD + FOOT))
        ax.grid(visible=True)
    with rc_context({"text.parse_math": LOOK["text.parse_math"]}):
        draw_forest(ax, lines, zero=zero, axis=axis)
    return ax


def _plot(evidence: Any, name: str, caller: str) -> Plot:
    """The plot of this name of the page. Raises as `roc` does."""
    if isinstance(evidence, Comparison):
        raise UsageError(
            f"{caller}: a Comparison holds numbers and no curves; give the Evidence that mmdx.compare returns"
        )
    if not isinstance(evidence, Evidence):
        raise UsageError(f"{caller}: {_kind(evidence)} is no comparison; give what mmdx.compare returns")
    plots = {plot.name: plot for section in evidence.sections for plot in section.plots}
    if name in plots:
        return plots[name]
    if name == "reliability_scaled" and "reliability" in plots:
        raise DataError(
            f"{caller}: no temperature could be fitted, which takes validation predictions of both classes beside the "
            "test predictions; leave out scaled"
        )
    if name == "missing_rate":
        raise DataError(
            f"{caller}: nothing was withheld from a model; compare a run, which is scored with each input and without"
        )
    raise DataError(f"{caller}: no finding has a positive and a negative row; there is no curve of one class")


def _finding(evidence: Evidence, plot: Plot, finding: str | None, together: str, caller: str) -> str:
    """What of a plot is drawn: the finding that is asked for, else the primary one, the only one, or all together."""
    if finding is None:
        only = plot.alone if len(plot.alone) == 1 else ()
        for name in (evidence.comparison.primary_finding, *only, together):
            if name is not None and name in plot.alone:
                return name
        raise UsageError(f"{caller}: name the finding; known: {', '.join(plot.alone)}")
    if finding not in plot.alone:
        raise UsageError(f"{caller}: no curve of '{finding}'; {did_you_mean(finding, plot.alone)}")
    return finding


def _drawn(plot: Plot, finding: str, ax: Axes | None, size: tuple[float, float] = SQUARE) -> Axes:
    ax = own_axes(size) if ax is None else ax
    with rc_context({"text.parse_math": LOOK["text.parse_math"]}):
        plot.alone[finding](ax)
    return ax


def _kind(value: Any) -> str:
    return f"'{type(value).__name__}'"
