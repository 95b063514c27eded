"""What the model answers, and how its modalities are joined."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mmdx.engine.planning.choices import Choice
from mmdx.engine.planning.facts.cohort import Cohort
from mmdx.engine.planning.rules.approaches import Approach
from mmdx.engine.planning.rules.inputs import ImageInput, image_inputs, input_names
from mmdx.engine.planning.rules.labels import Findings
from mmdx.study import groups_of

SLICE_WEIGHT = 4
"""How much more the slices count than the study: what won on CT-ICH (docs/recipe.md)."""
UNLABELLED = "noisy_or"
"""How answers to slices become that of a study where nobody labelled a slice: any of them may show the finding."""
FEWEST_BOXED = 30
"""Patients with a box of one finding from which a head learns to find lesions."""
LEAST_BOXED = 96
"""The side of an image in pixels from which a lesion covers cells enough of the finest map (configs/localize.yaml)."""
WITHHELD = 0.3
"""The chance that a modality is withheld from a study in training."""


def sliced_input(cohort: Cohort, findings: Findings) -> str | None:
    """The input whose slices are labelled, one with boxes before others; None where no slice is positive."""
    images = [item for item in image_inputs(cohort) if item.pictures.longest > 1 and _positive(cohort, item, findings)]
    if images:
        return max(images, key=lambda item: (item.parts[0] in cohort.boxes, _positive(cohort, item, findings))).name
    return next((name for name in cohort.vectors if sum(cohort.slice_labels.get(name, {}).values())), None)


def boxed_input(cohort: Cohort, findings: Findings, approach: Approach) -> ImageInput | None:
    """The input on which boxes are learnt; None where there are too few, or none that an encoder sees as pixels."""
    if not approach.trained or approach.size < LEAST_BOXED:
        return None
    for item in image_inputs(cohort):
        if max(_boxes(cohort, item, findings).values(), default=0) >= FEWEST_BOXED:
            return item
    return None


def head_choices(cohort: Cohort, findings: Findings, approach: Approach, measured: tuple[str, ...]) -> Iterator[Choice]:
    """The heads, and what judges an epoch; `measured` are the levels of heads whose scores can be computed."""
    slices = sliced_input(cohort, findings)
    groups = groups_of(findings.names)
    loss = {"loss": "cross_entropy"} if groups else {}
    if any(cohort.labels[finding].studies for finding in findings.names):
        pooled = _pooled(cohort, approach, sliced=slices is not None)
        reason = "Studies are labelled."
        reason += f" Of the classes of {', '.join(groups)} a study has one." if groups else ""
        reason += " What its slices say one by one counts beside what they say together." if pooled else ""
        yield Choice("model.heads.study", {"type": "study", **pooled, **loss}, reason)
    if slices:
        blend = {} if approach.trained else {"blend": True}
        value = {"type": "slice", "modality": slices, **blend, "weight": SLICE_WEIGHT, **loss}
        yield Choice("model.heads.slice", value, "Slices are labelled, which teaches more than labels of studies do.")
        yield Choice("train.judge", "slices", "There are far more slices than studies to judge an epoch by.")
    boxes = boxed_input(cohort, findings, approach)
    if boxes is not None and "box" in measured:
        counts = ", ".join(f"{finding} {count}" for finding, count in _boxes(cohort, boxes, findings).items())
        yield Choice("model.heads.boxes", {"type": "boxes", "modality": boxes.name}, f"Patients with boxes: {counts}.")


def box_remark(cohort: Cohort, findings: Findings, approach: Approach, measured: tuple[str, ...]) -> str:
    """Why boxes that there are teach nothing; empty where they do, or there are none."""
    if not cohort.boxes or (boxed_input(cohort, findings, approach) is not None and "box" in measured):
        return ""
    most = max(count for counts in cohort.boxes.values() for count in counts.values())
    if most < FEWEST_BOXED:
        return f"Boxes are not learnt: at most {most} patients have one of a finding, and {FEWEST_BOXED} are needed."
    if approach.frozen:
        return (
            "Boxes are not learnt: a frozen encoder leaves no feature maps; a trained one would (a GPU, more minutes)."
        )
    if approach.size < LEAST_BOXED:
        return f"Boxes are not learnt: images of {approach.size} pixels are too small for them."
    return "Boxes are not learnt: pip install 'mmdx[boxes]' brings what measures them."


def fusion_choices(cohort: Cohort) -> Iterator[Choice]:
    """How modalities meet; nothing for a lone one."""
    names = input_names(cohort)
    if len(names) < 2:
        return
    listing = f"{', '.join(names[:-1])} and {names[-1]}"
    reason = f"{listing} are weighed at the end: the fewest weights to learn, and an absent one counts nothing."
    yield Choice("model.fusion", "late", reason)
    reason = "A modality is withheld now and then, so that the model answers without it as well."
    yield Choice("model.modality_dropout", WITHHELD, reason)


def _pooled(cohort: Cohort, approach: Approach, *, sliced: bool) -> dict[str, str]:
    """How the answers to single slices become one of the study (docs/methods/study_labels.md), where they should."""
    if not any(item.pictures.longest > 1 for item in image_inputs(cohort)):
        return {}
    if sliced:
        return {"slices": "max"} if approach.trained else {}
    return {"slices": UNLABELLED}


def _positive(cohort: Cohort, item: ImageInput, findings: Findings) -> int:
    """Positive slice labels of an input; those of a stack are those of its first part."""
    labels = cohort.slice_labels.get(item.parts[0], {})
    return sum(labels.get(finding, 0) for finding in findings.names)


def _boxes(cohort: Cohort, item: ImageInput, findings: Findings) -> Mapping[str, int]:
    """Patients with a box by finding; boxes of a stack are those of its first part."""
    patients = cohort.boxes.get(item.parts[0], {})
    return {finding: count for finding, count in patients.items() if finding in findings.names}
