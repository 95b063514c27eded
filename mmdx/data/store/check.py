"""What must hold of every list of studies before it is stored: nothing contradicts itself, or another study."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from mmdx.data.store.kinds import STORED
from mmdx.data.tables.label_groups import group_problems
from mmdx.errors import DataError
from mmdx.kinds import KINDS
from mmdx.study import Modality, ModalityFiles, Study, groups_of, kind_name


def check_studies(studies: Sequence[Study]) -> None:
    """Raises `DataError` with a line for every study that contradicts itself or another one.

    The classes of a multi-class label (`label_groups.py`) exclude each other. A study without modalities is one that
    could not be read; it need only have an identifier of its own and a problem that says why.
    """
    problems = _identity_problems(studies)
    groups = groups_of(finding for study in studies for finding in study.labels)
    for study in studies:
        contradictions = [*_study_problems(study), *_group_problems(study, groups)]
        problems += [f"study '{study.study_id}': {problem}" for problem in contradictions]
    if problems:
        raise DataError(problems)


def _identity_problems(studies: Sequence[Study]) -> list[str]:
    patients: dict[str, list[str]] = {}
    for study in studies:
        patients.setdefault(study.study_id, []).append(study.patient_id)
    problems = []
    for study_id, owners in patients.items():
        patient_ids = sorted(set(owners))
        if len(patient_ids) > 1:
            names = ", ".join(f"'{patient}'" for patient in patient_ids)
            problems.append(f"study '{study_id}': stands under the patients {names}; give each its own study_id")
        elif len(owners) > 1:
            problems.append(f"study '{study_id}': listed {len(owners)} times; give each study its own study_id")
    return problems


def _study_problems(study: Study) -> list[str]:
    if not study.study_id.strip():
        return [f"empty study_id (patient '{study.patient_id}'); give every study one"]
    if not study.modalities:
        return [] if study.problems else ["has no modality and no problem says why; name what could not be read"]
    problems = [] if study.patient_id.strip() else ["has no patient_id; patients cannot be split without one"]
    for modality, value in study.modalities.items():
        problems += STORED[kind_name(value)].problems(modality, value)
    problems += [
        f"label of '{finding}' is {value}; use 1, 0 or nan for unknown"
        for finding, value in study.labels.items()
        if not _is_label(value)
    ]
    return problems + _slice_problems(study) + _box_problems(study)


def _group_problems(study: Study, groups: Mapping[str, Sequence[str]]) -> list[str]:
    """Contradictions of the study's own labels, and of each image's."""
    problems = group_problems(study.labels, groups) if study.modalities else []
    for modality, findings in study.slice_labels.items():
        images = zip(*findings.values(), strict=False)  # another problem already where their numbers differ
        of_slices = groups_of(findings)
        for index, values in enumerate(images if of_slices else ()):
            contradictions = group_problems(dict(zip(findings, values, strict=True)), of_slices)
            problems += [f"image {index} of '{modality}': {problem}" for problem in contradictions]
    return problems


def _slice_problems(study: Study) -> list[str]:
    problems = []
    for modality, findings in study.slice_labels.items():
        images = _sliced(study, modality)
        if images is None:
            problems.append(
                f"slice labels for '{modality}', which is no image modality of the study; drop or rename them"
            )
            continue
        count = STORED[images.kind].count(images)
        for finding, values in findings.items():
            # The number of descriptors is not known before their files are read (`write_shard` checks it).
            if count is not None and len(values) != count:
                problems.append(
                    f"{len(values)} slice labels of '{finding}' for {count} images of '{modality}'; "
                    "give one label per image"
                )
            if not all(_is_label(value) for value in values):
                problems.append(f"a slice label of '{finding}' on '{modality}' is not 1, 0 or nan; correct it")
    return problems


def _box_problems(study: Study) -> list[str]:
    findings = set(study.labels).union(*study.slice_labels.values())
    problems = []
    for box in study.boxes:
        name = f"a box of '{box.finding}' on '{box.modality}'"
        images = _sliced(study, box.modality)
        if box.finding not in findings:
            problems.append(f"{name} names a finding that no label has; add the label or drop the box")
        if images is None:
            problems.append(f"{name} names no image modality of the study; drop or rename it")
        elif (count := STORED[images.kind].count(images)) is not None and not 0 <= box.image < count:
            problems.append(f"{name} points at image {box.image}, of {count}; count from 0")
        if not (box.x0 < box.x1 and box.y0 < box.y1):
            corners = f"({box.x0:g}, {box.y0:g}) to ({box.x1:g}, {box.y1:g})"
            problems.append(f"{name} runs from {corners}; x0 < x1 and y0 < y1 must hold")
    return problems


def _sliced(study: Study, modality: str) -> ModalityFiles | None:
    """The slices, or descriptors of slices, that a study has under a name; None where it has none."""
    value: Modality | None = study.modalities.get(modality)
    return value if isinstance(value, ModalityFiles) and KINDS[value.kind].sliced else None


def _is_label(value: float) -> bool:
    return value in (0.0, 1.0) or math.isnan(value)
