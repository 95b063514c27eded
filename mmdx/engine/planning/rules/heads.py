"""What the model answers, and how its modalities are joined."""

from __future__ import annotations

from collections.abc import Iterator

from mmdx.engine.planning.choices import Choice
from mmdx.engine.planning.facts.cohort import Cohort
from mmdx.engine.planning.rules.approaches import Approach
from mmdx.engine.planning.rules.inputs import ImageInput, image_inputs, input_names
from mmdx.engine.planning.rules.labels import Findings
from mmdx.study import groups_of

SLICE_WEIGHT = 4
"""How much more the slices count than the study: what won on CT-ICH (docs/recipe.md)."""
FEWEST_BOXED = 30
"""Patients with a box from which a head learns to find lesions."""
WITHHELD = 0.3
"""The chance that a modality is withheld from a study in training."""


def sliced_input(cohort: Cohort, findings: Findings) -> str | None:
    """The input whose slices are labelled, the one with boxes before others; None where no slice has a label."""

    def positive(item: ImageInput) -> int:
        return max(
            (sum(cohort.slice_labels.get(part, {}).get(f, 0) for f in findings.names) for part in item.parts), default=0
        )

    def boxed(item: ImageInput) -> bool:
        return any(part in cohort.boxes for part in item.parts)

    images = [item for item in image_inputs(cohort) if positive(item) and item.pictures.longest > 1]
    if images:
        return max(images, key=lambda item: (boxed(item), positive(item))).name
    vectors = [name for name in cohort.vectors if sum(cohort.slice_labels.get(name, {}).values())]
    return vectors[0] if vectors else None


def boxed_input(cohort: Cohort, findings: Findings, approach: Approach) -> str | None:
    """The input on which boxes are learnt; None where there are too few, or none that an encoder sees as pixels."""
    if not approach.trained or max(approach.size, 0) < 2 * 32:
        return None
    for item in image_inputs(cohort):
        patients = [cohort.boxes.get(part, {}).get(finding, 0) for part in item.parts for finding in findings.names]
        if not item.stacked and max(patients, default=0) >= FEWEST_BOXED:
            return item.name
    return None


def head_choices(cohort: Cohort, findings: Findings, approach: Approach, measured: tuple[str, ...]) -> Iterator[Choice]:
    """The heads, and what judges an epoch."""
    slices = sliced_input(cohort, findings)
    studies = any(cohort.labels[finding].studies for finding in findings.names)
    exclusive = groups_of(findings.names)
    loss = {"loss": "cross_entropy"} if exclusive else {}
    if studies:
        blend = {"blend": True} if slices and approach.trained else {}
        reason = "Studies are labelled."
        reason += f" Classes of {', '.join(exclusive)} exclude each other." if exclusive else ""
        reason += " What single slices say is blended in." if blend else ""
        yield Choice("model.heads.study", {"type": "study", **blend, **loss}, reason)
    if slices:
        positive = max(
            (cohort.slice_labels.get(p, {}).get(findings.primary, 0) for p in _parts(cohort, slices)), default=0
        )
        blend = {} if approach.trained else {"blend": True}
        reason = (
            f"Slices are labelled ({positive} with {findings.primary}), which teaches more than labels of studies do."
        )
        yield Choice(
            "model.heads.slice", {"type": "slice", "modality": slices, **blend, "weight": SLICE_WEIGHT, **loss}, reason
        )
        yield Choice("train.judge", "slices", "There are far more slices than studies to judge an epoch by.")
    boxes = boxed_input(cohort, findings, approach)
    if boxes is not None and "box" in measured:
        counts = ", ".join(
            f"{finding} {count}" for finding, count in cohort.boxes[boxes].items() if finding in findings.names
        )
        yield Choice("model.heads.boxes", {"type": "boxes", "modality": boxes}, f"Patients with boxes: {counts}.")


def fusion_choices(cohort: Cohort) -> Iterator[Choice]:
    """How modalities meet; nothing for a lone one."""
    names = input_names(cohort)
    if len(names) < 2:
        return
    reason = (
        f"{' and '.join(names)} are weighed at the end: the fewest weights to learn, and none where one is missing."
    )
    yield Choice("model.fusion", "late", reason)
    lacking = "so that the model answers without it as well"
    yield Choice("model.modality_dropout", WITHHELD, f"A modality is withheld now and then, {lacking}.")


def box_remark(cohort: Cohort, findings: Findings, approach: Approach, measured: tuple[str, ...]) -> str:
    """Why boxes that there are teach nothing; empty where they do, or there are none."""
    if not cohort.boxes or (boxed_input(cohort, findings, approach) is not None and "box" in measured):
        return ""
    most = max(count for counts in cohort.boxes.values() for count in counts.values())
    if most < FEWEST_BOXED:
        return f"Boxes are not learnt: at most {most} patients have one of a finding, and {FEWEST_BOXED} are needed."
    if "box" not in measured:
        return "Boxes are not learnt: pip install 'mmdx[boxes]' brings what measures them."
    return (
        "Boxes are not learnt, for a frozen encoder leaves no feature maps; a trained one would (more minutes, a GPU)."
    )


def _parts(cohort: Cohort, name: str) -> tuple[str, ...]:
    return next((item.parts for item in image_inputs(cohort) if item.name == name), (name,))
