"""Multi-class groups, and the scores of the challenges whose findings these are: tables with intervals, and confusion
matrices.

A row is given the class of its group that a model scores highest, also where the model answers yes or no for each class
by itself. Scores are those of each model's first training.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float, Int

from mmdx.stats.cohort.cohort import Cohort
from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.metrics.folds import Folds
from mmdx.stats.report.section import Section
from mmdx.stats.report.words import counted
from mmdx.stats.resampling.intervals import FEWEST_IN_MEAN, FEWEST_PATIENTS
from mmdx.stats.sections.classes import rsna2019, seven_points
from mmdx.stats.sections.classes.matrices import matrices_plot
from mmdx.stats.sections.classes.measures import GROUP_MEASURES, group_measures, true_class
from mmdx.stats.sections.classes.parts import (
    Part,
    Values,
    columns_of,
    estimate_parts,
    known_rows,
    part_record,
    part_sentence,
    part_sheet,
)
from mmdx.study import groups_of

CHALLENGES = {rsna2019.NAME: rsna2019.rsna_part, seven_points.NAME: seven_points.checklist_part}
"""By name: what makes the part of a challenge, or None where the findings are not those of it."""


def groups_section(cohort: Cohort, resampler: Resampler) -> Section | None:
    """One table and the confusion matrices per group, and one table per challenge whose findings these are.

    None where there is neither.
    """
    named = groups_of(cohort.findings)
    label_groups = {name: members for name, members in named.items() if known_rows(cohort, members).size}
    parts = {name: _group_part(cohort, name, members) for name, members in label_groups.items()}
    for name, make in CHALLENGES.items():
        part = make(cohort)
        if part is not None:
            parts[name] = part
    if not parts:
        return None
    estimates = estimate_parts(parts, resampler)
    return Section(
        key="groups",
        title="Groups of classes and challenge scores",
        sentences=tuple(part_sentence(cohort, name, part, estimates[name]) for name, part in parts.items()),
        sheets=tuple(part_sheet(part, estimates[name]) for name, part in parts.items()),
        plots=tuple(
            matrices_plot(cohort, number, name, label_groups[name]) for number, name in enumerate(label_groups, start=1)
        ),
        notes=tuple(dict.fromkeys(note for part in parts.values() for note in part.notes)),
        record={name: part_record(part, estimates[name]) for name, part in parts.items()},
    )


def _group_part(cohort: Cohort, name: str, members: Sequence[str]) -> Part:
    rows, columns = known_rows(cohort, members), columns_of(cohort, members)
    true = true_class(cohort.labels[rows][:, columns])
    classes = [member.partition("/")[2] for member in members]

    def measures_of(scores: Float[np.ndarray, "n k"], folds: Folds) -> Callable[[Int[np.ndarray, "r n"]], Values]:
        return lambda weights: group_measures(true, scores, weights, folds)

    notes = ["Log loss of a group: scores are divided by their sum over its classes first."]
    absent = [label for number, label in enumerate(classes) if not (true == number).any()]
    if absent:
        notes.append(f"{name}: no row is of class {', '.join(absent)}, left out of balanced accuracy and mean AUROC.")
    unknown = len(cohort.labels) - len(rows)
    if unknown:
        notes.append(f"{name}: {unknown} of {len(cohort.labels)} rows are of unknown class and left out.")
    scored = [(trainings[0].scores[rows][:, columns], trainings[0].folds_at(rows)) for trainings in cohort.scored]
    return Part(
        title=f"{name}: {len(classes)} classes ({', '.join(classes)})",
        measures=GROUP_MEASURES,
        rows=rows,
        models={arm.name: measures_of(*of_arm) for arm, of_arm in zip(cohort.arms, scored, strict=True)},
        refused=_too_few(true, cohort.patients[rows], classes),
        notes=tuple(notes),
    )


def _too_few(true: Int[np.ndarray, "n"], patients: Int[np.ndarray, "n"], classes: Sequence[str]) -> str | None:
    """Why a group has no intervals, as for findings in a macro mean, class by class; None where it has."""
    if len(np.unique(patients)) < FEWEST_PATIENTS:
        return f"{len(np.unique(patients))} patients, and {FEWEST_PATIENTS} are needed"
    for label in np.unique(true):
        count = len(np.unique(patients[true == label]))
        if count < FEWEST_IN_MEAN:
            return f"{counted(count, 'patient')} of class {classes[label]}, and {FEWEST_IN_MEAN} are needed"
    return None
