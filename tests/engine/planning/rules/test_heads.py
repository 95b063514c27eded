"""Heads from the labels and boxes that there are, and how modalities are joined."""

from __future__ import annotations

from planning import BARE, cohort, label, machine, pictures, reports, vectors

from mmdx.engine.planning.rules.approaches import approaches
from mmdx.engine.planning.rules.heads import box_remark, fusion_choices, head_choices, sliced_input
from mmdx.engine.planning.rules.labels import choose_findings


def heads(planned, on) -> dict:
    way, findings = approaches(planned, on)[0], choose_findings(planned)
    return {choice.key: choice.value for choice in head_choices(planned, findings, way, on.measured)}


def remark(planned, on) -> str:
    return box_remark(planned, choose_findings(planned), approaches(planned, on)[0], on.measured)


def test_labels_of_studies_alone() -> None:
    assert heads(cohort(), machine()) == {"model.heads.study": {"type": "study", "slices": "noisy_or"}}
    views = cohort(pictures={"image": pictures(longest=1, middle=1)})
    assert heads(views, machine()) == {"model.heads.study": {"type": "study"}}


def test_slices_are_answered_where_they_are_labelled() -> None:
    sliced = cohort(slice_labels={"image": {"bleed": 100}})
    assert heads(sliced, machine()) == {
        "model.heads.study": {"type": "study"},
        "model.heads.slice": {"type": "slice", "modality": "image", "blend": True, "weight": 4},
        "train.judge": "slices",
    }
    assert heads(sliced, BARE)["model.heads.study"] == {"type": "study", "slices": "max"}


def test_labels_of_slices_alone_have_no_head_for_studies() -> None:
    alone = cohort(labels={"bleed": label(40, 60, studies=0)}, slice_labels={"image": {"bleed": 100}})
    assert list(heads(alone, machine())) == ["model.heads.slice", "train.judge"]


def test_slices_are_those_with_boxes_where_several_modalities_are_labelled() -> None:
    several = {"pictures": {"a": pictures(), "b": pictures()}, "slice_labels": {"a": {"bleed": 9}, "b": {"bleed": 5}}}
    findings = choose_findings(cohort())
    assert sliced_input(cohort(**several), findings) == "a"
    assert sliced_input(cohort(**several, boxes={"b": {"bleed": 4}}), findings) == "b"
    described = cohort(pictures={}, vectors={"tiles": vectors()}, slice_labels={"tiles": {"bleed": 3}})
    assert sliced_input(described, findings) == "tiles"


def test_boxes_are_learnt_by_a_trained_encoder_from_enough_patients() -> None:
    boxed = cohort(boxes={"image": {"bleed": 30, "other": 5}})
    assert heads(boxed, BARE)["model.heads.boxes"] == {"type": "boxes", "modality": "image"}
    assert remark(boxed, BARE) == ""
    assert "model.heads.boxes" not in heads(boxed, machine())
    assert "a frozen encoder leaves no feature maps" in remark(boxed, machine())
    few = cohort(boxes={"image": {"bleed": 29}})
    assert "model.heads.boxes" not in heads(few, BARE)
    assert "at most 29 patients have one of a finding, and 30 are needed" in remark(few, BARE)


def test_classes_that_exclude_each_other_share_a_softmax() -> None:
    grades = cohort(labels={"grade/low": label(40, 60), "grade/high": label(60, 40)})
    assert heads(grades, machine()) == {
        "model.heads.study": {"type": "study", "slices": "noisy_or", "loss": "cross_entropy"}
    }


def test_several_modalities_are_joined_late_and_withheld_now_and_then() -> None:
    assert list(fusion_choices(cohort())) == []
    choices = list(fusion_choices(cohort(reports={"note": reports()})))
    assert [(choice.key, choice.value) for choice in choices] == [
        ("model.fusion", "late"),
        ("model.modality_dropout", 0.3),
    ]
