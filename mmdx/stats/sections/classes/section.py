"""Multi-class groups, and the scores of the challenges whose findings these are: tables with intervals, and confusion
matrices.

A row is given the class of its group that a model scores highest. Groups of which a model knows nothing else but
separate yeses and noes are read the same way. Scores are those of each model's first training.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from matplotlib.figure import Figure

from mmdx.stats.cohort.cohort import Cohort
from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.metrics.registry import auroc
from mmdx.stats.metrics.thresholds import count, sensitivity, specificity
from mmdx.stats.report.plots import SERIES, TEXT
from mmdx.stats.report.section import Plot, Section
from mmdx.stats.report.tables import Sheet
from mmdx.stats.report.words import number, with_interval
from mmdx.stats.resampling.intervals import (
    FEWEST_IN_MEAN,
    FEWEST_PATIENTS,
    Estimate,
    interval,
    why_too_few,
)
from mmdx.stats.sections.classes.measures import (
    GROUP_MEASURES,
    RSNA_CLIP,
    RSNA_WEIGHTS,
    SEVEN_POINTS,
    SUSPICIOUS,
    confusion,
    group_measures,
    rsna_log_loss,
    seven_point_score,
    true_class,
)
from mmdx.study import groups_of

MELANOMA = "DIAG/MEL"
AS_LABELLED = "the criteria as labelled"
CHECKLIST = {
    "auroc_melanoma": "AUROC of melanoma",
    "auroc_score": "AUROC of the score",
    "sensitivity": f"sensitivity at {SUSPICIOUS}",
    "specificity": f"specificity at {SUSPICIOUS}",
}
_ACROSS = 3
"""Confusion matrices beside each other."""

_Values = dict[str, Float[np.ndarray, "r"]]
_Estimates = dict[str, dict[str, Estimate]]
"""By what was measured (a model), and by measure."""


@dataclass(frozen=True)
class _Part:
    """A table to be: what is measured on which rows, by name; why it has no intervals, where it has none."""

    title: str
    measures: Mapping[str, str]
    rows: Int[np.ndarray, "n"]
    of: Mapping[str, Callable[[Int[np.ndarray, "r n"]], _Values]]
    refused: str | None
    notes: tuple[str, ...] = ()


def groups_section(cohort: Cohort, resampler: Resampler) -> Section | None:
    """A table and the confusion matrices of each group; the RSNA 2019 loss and the seven-point checklist where the
    findings are theirs. None where there is none of them."""
    groups = {name: members for name, members in groups_of(cohort.findings).items() if _known(cohort, members).size}
    parts = {name: _group(cohort, name, members) for name, members in groups.items()}
    if set(cohort.findings) == set(RSNA_WEIGHTS):
        parts["RSNA 2019"] = _rsna(cohort)
    if MELANOMA in cohort.findings and set(SEVEN_POINTS) <= set(cohort.findings):
        parts["seven-point checklist"] = _checklist(cohort, groups_of(cohort.findings))
    parts = {name: part for name, part in parts.items() if len(part.rows)}
    if not parts:
        return None
    estimates = _estimate(parts, resampler)
    return Section(
        key="groups",
        title="Groups of classes and challenge scores",
        sentences=tuple(_sentence(cohort, name, parts[name], found) for name, found in estimates.items()),
        sheets=tuple(_sheet(parts[name], found) for name, found in estimates.items()),
        plots=tuple(_plot(cohort, place, name, groups[name]) for place, name in enumerate(groups, start=1)),
        notes=tuple(dict.fromkeys(note for part in parts.values() for note in part.notes)),
        record={name: _plain(parts[name], found) for name, found in estimates.items()},
    )


def _columns(cohort: Cohort, members: Sequence[str]) -> list[int]:
    return [cohort.findings.index(member) for member in members]


def _known(cohort: Cohort, members: Sequence[str]) -> Int[np.ndarray, "n"]:
    """The rows of which the class is known."""
    return np.flatnonzero(true_class(cohort.labels[:, _columns(cohort, members)]) >= 0)


def _group(cohort: Cohort, name: str, members: Sequence[str]) -> _Part:
    rows, columns = _known(cohort, members), _columns(cohort, members)
    true = true_class(cohort.labels[rows][:, columns])
    classes = [member.partition("/")[2] for member in members]

    def of(scores: Float[np.ndarray, "n k"]) -> Callable[[Int[np.ndarray, "r n"]], _Values]:
        return lambda weights: group_measures(true, scores, weights)

    notes = ["Log loss of a group: scores are divided by their sum over its classes first."]
    absent = [label for one, label in enumerate(classes) if not (true == one).any()]
    if absent:
        notes.append(f"{name}: no row is of class {', '.join(absent)}, left out of balanced accuracy and mean AUROC.")
    unknown = len(cohort.labels) - len(rows)
    if unknown:
        notes.append(f"{name}: {unknown} of {len(cohort.labels)} rows are of unknown class and left out.")
    return _Part(
        title=f"{name}: {len(classes)} classes ({', '.join(classes)})",
        measures=GROUP_MEASURES,
        rows=rows,
        of={arm.name: of(scores[rows][:, columns]) for arm, scores in zip(cohort.arms, cohort.scores, strict=True)},
        refused=_too_few(true, cohort.patients[rows], classes),
        notes=tuple(notes),
    )


def _too_few(true: Int[np.ndarray, "n"], patients: Int[np.ndarray, "n"], classes: Sequence[str]) -> str | None:
    """Why a group carries no intervals: as for findings in a macro mean, class by class."""
    if len(np.unique(patients)) < FEWEST_PATIENTS:
        return f"{len(np.unique(patients))} patients, and {FEWEST_PATIENTS} are needed"
    for one in np.unique(true):
        found = len(np.unique(patients[true == one]))
        if found < FEWEST_IN_MEAN:
            patient = f"{found} patient{'' if found == 1 else 's'}"
            return f"{patient} of class {classes[one]}, and {FEWEST_IN_MEAN} are needed"
    return None


def _rsna(cohort: Cohort) -> _Part:
    def of(scores: Float[np.ndarray, "n f"]) -> Callable[[Int[np.ndarray, "r n"]], _Values]:
        return lambda weights: {"log_loss": rsna_log_loss(cohort.labels, scores, weights, cohort.findings)}

    found = int(cohort.patients.max()) + 1
    return _Part(
        title="RSNA 2019 hemorrhage challenge",
        measures={"log_loss": "weighted log loss"},
        rows=np.arange(len(cohort.labels)),
        of={arm.name: of(scores) for arm, scores in zip(cohort.arms, cohort.scores, strict=True)},
        refused=f"{found} patients, and {FEWEST_PATIENTS} are needed" if found < FEWEST_PATIENTS else None,
        notes=(
            f"RSNA 2019: natural logarithm, probabilities held {RSNA_CLIP:g} from 0 and 1, any counts twice; less is "
            f"better. The challenge scores slices; these are {'slices' if cohort.unit == 'slice' else 'no slices'}.",
        ),
    )


def _checklist(cohort: Cohort, groups: Mapping[str, Sequence[str]]) -> _Part:
    """The score that each model's criteria add up to, held against the diagnosis; beside it that of the labels."""
    names = list(dict.fromkeys(["DIAG", *(finding.partition("/")[0] for finding in SEVEN_POINTS)]))
    rows = np.arange(len(cohort.labels))
    for name in names:
        rows = np.intersect1d(rows, _known(cohort, groups[name]))
    melanoma = cohort.findings.index(MELANOMA)
    truth = cohort.labels[rows, melanoma]

    def of(scores: Float[np.ndarray, "n f"], own: bool) -> Callable[[Int[np.ndarray, "r n"]], _Values]:
        points = seven_point_score(scores, cohort.findings, groups)

        def values(weights: Int[np.ndarray, "r n"]) -> _Values:
            counts = count(truth, points, weights, float(SUSPICIOUS))
            called = {"sensitivity": sensitivity(counts), "specificity": specificity(counts)}
            nothing = np.full(len(weights), np.nan)
            direct = auroc(truth, scores[:, melanoma], weights) if own else nothing
            return {"auroc_melanoma": direct, "auroc_score": auroc(truth, points, weights)} | called

        return values

    models = {
        arm.name: of(scores[rows], True) for arm, scores in zip(cohort.arms, cohort.scores, strict=True) if len(rows)
    }
    labelled = {AS_LABELLED: of(cohort.labels[rows], False)} if len(rows) else {}
    return _Part(
        title="Seven-point checklist, held against the diagnosis of melanoma",
        measures=CHECKLIST,
        rows=rows,
        of=models | labelled,
        refused=why_too_few(truth, cohort.patients[rows]),
        notes=(
            "Seven-point checklist (Argenziano et al. 1998): 2 for each major criterion, 1 for each minor one, and "
            f"melanoma from {SUSPICIOUS}.",
        ),
    )


def _estimate(parts: Mapping[str, _Part], resampler: Resampler) -> dict[str, _Estimates]:
    """All measures of all parts with their intervals, over the same resamples."""

    def values(weights: Int[np.ndarray, "r n"]) -> dict[tuple[str, str, str], Float[np.ndarray, "r"]]:
        return {
            (name, model, measure): measured
            for name, part in parts.items()
            for model, function in part.of.items()
            for measure, measured in function(weights[:, part.rows]).items()
        }

    found: dict[str, _Estimates] = {name: {model: {} for model in part.of} for name, part in parts.items()}
    for (name, model, measure), drawn in resampler.values(values).items():
        found[name][model][measure] = interval(drawn.value, drawn.resampled, refused=parts[name].refused)
    return found


def _sheet(part: _Part, found: _Estimates) -> Sheet:
    rows = tuple(
        (who, *("–" if _never(one) else with_interval(one) for one in estimates.values()), str(len(part.rows)))
        for who, estimates in found.items()
    )
    return Sheet(part.title, ("model", *part.measures.values(), "rows"), rows)


def _never(estimate: Estimate) -> bool:
    """Whether something was not measured at all, such as a label's own AUROC."""
    return math.isnan(estimate.value) and estimate.usable == 0


def _sentence(cohort: Cohort, name: str, part: _Part, found: _Estimates) -> str:
    """The first measure of each model that is no baseline."""
    measure, title = next(iter(part.measures.items()))
    told = [f"{cohort.arms[n].name} {_told(found[cohort.arms[n].name][measure])}" for n in cohort.models]
    patients = len(np.unique(cohort.patients[part.rows]))
    why = f" No intervals: {part.refused}." if part.refused else ""
    return f"{name}, {title} over {patients} patients: {'; '.join(told)}.{why}"


def _told(estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return "undefined" if math.isnan(estimate.value) else number(estimate.value)
    return f"{number(estimate.value)} (95 % interval {number(estimate.low)} to {number(estimate.high)})"


def _plain(part: _Part, found: _Estimates) -> dict[str, Any]:
    return {
        "rows": len(part.rows),
        "models": {
            who: {
                measure: {key: cell for key, cell in estimate.to_json().items() if key != "usable"}
                for measure, estimate in estimates.items()
            }
            for who, estimates in found.items()
        },
    }


def _plot(cohort: Cohort, place: int, name: str, members: Sequence[str]) -> Plot:
    """The confusion matrix of each model that is no baseline."""
    rows, columns = _known(cohort, members), _columns(cohort, members)
    true = true_class(cohort.labels[rows][:, columns])
    classes = [member.partition("/")[2] for member in members]
    once = np.ones((1, len(rows)), dtype=np.int64)
    tables = {
        cohort.arms[n].name: confusion(true, cohort.scores[n][rows][:, columns].argmax(axis=1), once, len(classes))[
            0
        ].astype(int)
        for n in cohort.models
    }
    cells = [
        {"model": who, "true class": classes[i], "given class": classes[j], "rows": int(table[i, j])}
        for who, table in tables.items()
        for i in range(len(classes))
        for j in range(len(classes))
    ]
    down = math.ceil(len(tables) / _ACROSS)
    side = max(2.4, 0.5 * len(classes) + 1)
    return Plot(
        name=f"confusion_{place}_{re.sub(r'[^A-Za-z0-9]+', '_', name)}",
        title=f"{name}: which class is taken for which",
        caption="Rows by their true class and by the class that the model scores highest; shades are shares of a true "
        "class.",
        numbers=pd.DataFrame(cells),
        draw=lambda figure: _draw(figure, tables, classes, down),
        size=(max(7.2, min(len(tables), _ACROSS) * side), down * (side + 0.4)),
    )


def _draw(figure: Figure, tables: Mapping[str, Int[np.ndarray, "k k"]], classes: Sequence[str], down: int) -> None:
    axes = figure.subplots(down, min(len(tables), _ACROSS), squeeze=False).ravel()
    for ax in axes[len(tables) :]:
        ax.set_axis_off()
    for ax, (who, table) in zip(axes, tables.items(), strict=False):
        shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
        for i, j in np.ndindex(table.shape):
            # Rectangles of one colour: a colour map has colours that the page could not exchange in the dark.
            ax.bar(j, 1, 1, i - 0.5, color=SERIES[0], alpha=0.65 * float(shares[i, j]), linewidth=0)
            ax.text(j, i, str(table[i, j]), ha="center", va="center", color=TEXT)
        ax.set(
            xlim=(-0.5, len(classes) - 0.5), ylim=(len(classes) - 0.5, -0.5), xlabel=f"given by {who}", ylabel="true"
        )
        ax.set_xticks(range(len(classes)), classes, rotation=45 if max(map(len, classes)) > 4 else 0)
        ax.set_yticks(range(len(classes)), classes)
        ax.set_aspect("equal")
        ax.grid(False)
