"""Whether the models' answers, yes or no, are right at the thresholds that validation chose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from mmdx.stats.cohort.cohort import Cohort
from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.comparison.sums import clustered_share, row_a_patient, sum_by_patient, wilson
from mmdx.stats.report.plots import TEXT, colour, short
from mmdx.stats.report.section import Plot, Section
from mmdx.stats.report.tables import Sheet
from mmdx.stats.report.words import number, with_interval
from mmdx.stats.resampling.intervals import Estimate

CELLS: tuple[str, ...] = ("true_yes", "false_no", "false_yes", "true_no")
SHARES = {
    "sensitivity": ("true_yes", "false_no"),
    "specificity": ("true_no", "false_yes"),
    "precision": ("true_yes", "false_yes"),
    "NPV": ("true_no", "false_no"),
}
"""Each is the share of its first cell in the sum of both."""
MODELS_A_PLOT, PITCH = 4, 2.75
"""Models side by side, and how far the lines of two findings lie apart, in heights of a cell."""
MOST_RESAMPLES = 1000


@dataclass(frozen=True)
class _Matrix:
    """The four counts of one model and finding, their shares, and the least and the greatest threshold of the rows."""

    finding: str
    arm: int
    counts: dict[str, int]
    shares: dict[str, Estimate]
    thresholds: tuple[float, ...]


def confusion_section(cohort: Cohort, resampler: Resampler) -> Section | None:
    """Counts, sensitivity, specificity, precision and negative predictive value by finding and model.

    Of the findings for which validation predictions chose a threshold for every model; None without any.
    """
    labelled = [f for f in range(len(cohort.findings)) if not np.isnan(cohort.labels[:, f]).all()]
    findings = [f for f in labelled if _chosen(cohort, f)]
    if not findings or not cohort.models:
        return None
    resampler = resampler.at_most(MOST_RESAMPLES)
    matrices = _matrices(cohort, findings, resampler)
    without = [cohort.findings[f] for f in labelled if f not in findings]
    intervals = (
        "Intervals are Wilson's, each patient having one row."
        if row_a_patient(cohort.patients)
        else f"Intervals are over {resampler.resamples} resamples of patients, who may have several rows; none is "
        "given for a share of 0 or 1, which resampling cannot change, or one of fewer than 5 patients."
    )
    chosen = (
        "A score at or above its threshold is a yes. Thresholds were chosen on validation studies alone (Youden's J)."
    )
    return Section(
        "confusion",
        "Yes and no at the validation threshold",
        sheets=(_shares_sheet(cohort, matrices), _counts_sheet(cohort, matrices)),
        plots=tuple(_plots(cohort, matrices)),
        notes=(chosen, intervals, *([f"No threshold could be chosen for {', '.join(without)}."] if without else [])),
        record=[_record(cohort, matrix) for matrix in matrices],
    )


def _chosen(cohort: Cohort, finding: int) -> bool:
    """Whether every row with a label has a threshold of every model."""
    labelled = ~np.isnan(cohort.labels[:, finding])
    return not np.isnan(cohort.thresholds[cohort.models][:, labelled, finding]).any()


def _matrices(cohort: Cohort, findings: Sequence[int], resampler: Resampler) -> list[_Matrix]:
    """Of each finding and model."""
    pairs = [(f, arm) for f in findings for arm in cohort.models]
    chosen, answers = cohort.thresholds, cohort.scores >= cohort.thresholds
    cells = [_cells(cohort.labels[:, f], answers[arm, :, f]) for f, arm in pairs]
    resampled = None
    if not row_a_patient(cohort.patients):
        count = int(cohort.patients.max()) + 1
        by_patient = np.hstack([sum_by_patient(columns, cohort.patients, count) for columns in cells])
        resampled = resampler.sums(by_patient).reshape(resampler.resamples, len(pairs), len(CELLS))
    matrices = []
    for index, (f, arm) in enumerate(pairs):
        counts = dict(zip(CELLS, cells[index].sum(axis=0).astype(int).tolist(), strict=True))
        shares = {}
        for name, (first, second) in SHARES.items():
            top, bottom = counts[first], counts[first] + counts[second]
            if resampled is None:
                shares[name] = wilson(top, bottom)
            else:
                tops, others = (resampled[:, index, CELLS.index(cell)] for cell in (first, second))
                in_share = cells[index][:, [CELLS.index(first), CELLS.index(second)]].any(axis=1)
                patients = len(np.unique(cohort.patients[in_share]))
                shares[name] = clustered_share(top, bottom, tops, tops + others, patients=patients)
        thresholds = chosen[arm, ~np.isnan(cohort.labels[:, f]), f]
        ends = tuple(dict.fromkeys((float(thresholds.min()), float(thresholds.max()))))
        matrices.append(_Matrix(cohort.findings[f], arm, counts, shares, ends))
    return matrices


def _cells(labels: Float[np.ndarray, "n"], yes: Bool[np.ndarray, "n"]) -> Float[np.ndarray, "n 4"]:
    """Each row's cell of the four, as columns of ones and zeros; no cell without a label."""
    positive, negative = labels == 1, labels == 0
    return np.stack([yes & positive, ~yes & positive, yes & negative, ~yes & negative], axis=1).astype(np.float64)


def _shares_sheet(cohort: Cohort, matrices: Sequence[_Matrix]) -> Sheet:
    rows = [(_name(cohort, matrix), *(with_interval(matrix.shares[name]) for name in SHARES)) for matrix in matrices]
    return Sheet("At the validation threshold", ("finding · model", *SHARES), tuple(rows))


def _counts_sheet(cohort: Cohort, matrices: Sequence[_Matrix]) -> Sheet:
    rows = []
    for matrix in matrices:
        threshold = "–".join(map(number, matrix.thresholds))
        rows.append((_name(cohort, matrix), threshold, *(str(matrix.counts[cell]) for cell in CELLS)))
    header = ("finding · model", "threshold", "true yes", "missed", "false yes", "true no")
    return Sheet("Counts at the validation threshold", header, tuple(rows))


def _name(cohort: Cohort, matrix: _Matrix) -> str:
    return f"{matrix.finding} · {cohort.arms[matrix.arm].name}"


def _plots(cohort: Cohort, matrices: Sequence[_Matrix]) -> list[Plot]:
    """Matrices: one line per finding, one column per model, four models per plot."""
    plots = []
    for start in range(0, len(cohort.models), MODELS_A_PLOT):
        arms = cohort.models[start : start + MODELS_A_PLOT]
        name = "confusion" if start == 0 else f"confusion_{start // MODELS_A_PLOT + 1}"
        plots.append(_plot(cohort, [matrix for matrix in matrices if matrix.arm in arms], arms, name))
    return plots


def _plot(cohort: Cohort, matrices: Sequence[_Matrix], arms: Sequence[int], name: str) -> Plot:
    findings = list(dict.fromkeys(matrix.finding for matrix in matrices))
    numbers = [
        {"finding": matrix.finding, "model": cohort.arms[matrix.arm].name} | matrix.counts for matrix in matrices
    ]

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.set_axis_off()
        axes.set_xlim(-1.25, 2.3 * len(arms))
        axes.set_ylim(PITCH * len(findings) - 0.6, -1.2)
        for place, arm in enumerate(arms):
            label = short(cohort.arms[arm].name, 17)
            axes.text(2.3 * place + 1, -1.0, label, ha="center", va="center", fontsize=9, weight="bold")
            for column, answer in enumerate(("said yes", "said no")):
                x = 2.3 * place + column + 0.5
                axes.text(x, -0.6, answer, ha="center", va="center", fontsize=8, color=TEXT)
        for line, finding in enumerate(findings):
            axes.text(-1.25, PITCH * line - 0.24, short(finding, 40), va="center", fontsize=9, weight="bold")
            for row, truth in enumerate(("present", "absent")):
                y = PITCH * line + row + 0.5
                axes.text(-0.08, y, truth, ha="right", va="center", fontsize=8)
        for matrix in matrices:
            _matrix(axes, matrix, 2.3 * arms.index(matrix.arm), PITCH * findings.index(matrix.finding))

    caption = (
        "Rows of a finding that is present or absent, and what each model said. The fuller a colour, the greater the "
    )
    caption += "share of its line."
    size = (min(7.2, 1.6 + 1.45 * len(arms)), 0.3 + 0.85 * len(findings))
    return Plot(name, "Confusion matrices", caption, pd.DataFrame(numbers), draw, size)


def _matrix(axes: Any, matrix: _Matrix, left: float, top: float) -> None:
    lines = (("true_yes", "false_no"), ("false_yes", "true_no"))
    for row, line in enumerate(lines):
        total = sum(matrix.counts[cell] for cell in line)
        for column, cell in enumerate(line):
            share = matrix.counts[cell] / total if total else 0.0
            look = {"facecolor": colour(matrix.arm), "alpha": 0.06 + 0.44 * share, "linewidth": 0}
            axes.add_patch(Rectangle((left + column, top + row), 0.97, 0.97, **look))
            text = str(matrix.counts[cell])
            axes.text(left + column + 0.485, top + row + 0.5, text, ha="center", va="center", fontsize=9)


def _record(cohort: Cohort, matrix: _Matrix) -> dict[str, Any]:
    shares = {name: share.to_json() for name, share in matrix.shares.items()}
    head = {"arm": cohort.arms[matrix.arm].name, "finding": matrix.finding, "thresholds": list(matrix.thresholds)}
    return head | matrix.counts | {"shares": shares}
