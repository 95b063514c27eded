"""Models that cannot be one graph are refused in a line that says why."""

from __future__ import annotations

from dataclasses import replace

import pytest
from lone_models import lone_model

from mmdx.engine.export.checks import exported_inputs
from mmdx.errors import UsageError
from mmdx.models.facts import InputFacts


@pytest.fixture(scope="module")
def saved():
    return lone_model({"sequence": "mean"}, {"type": "tfidf"})


def changed(saved, **facts):
    return replace(saved, facts=replace(saved.facts, **facts))


def test_all_inputs_are_fed_or_images_alone(saved):
    assert exported_inputs(saved, image_only=False) == ["image", "report", "clinic"]
    assert exported_inputs(saved, image_only=True) == ["image"]


def test_what_is_no_graph_of_one_study_is_refused(saved):
    shuffled = saved.config.model_copy(update={"data": saved.config.data.model_copy(update={"order": "shuffled"})})
    vectors = {**saved.facts.inputs, "image": InputFacts("vectors", width=4)}
    boxes = lone_model({"sequence": "mean"})
    boxes.model.answering["study"].level = "box"
    for model, image_only, words in (
        (replace(saved, others=(saved,)), False, "is an ensemble of 2 models; export its members one by one"),
        (changed(saved, first="ab12"), False, "reads what a first stage says of images"),
        (changed(saved, inputs=vectors), False, r"reads 'image' \(vectors\)"),
        (replace(saved, config=shuffled), False, "reads the images of a study shuffled"),
        (boxes, False, r"has a head 'study' \(box\)"),
        (changed(saved, inputs={"report": saved.facts.inputs["report"]}), True, "reads no images"),
    ):
        with pytest.raises(UsageError, match=f"^the model {words}"):
            exported_inputs(model, image_only=image_only)
    with pytest.raises(UsageError, match="only describes images"):
        exported_inputs(changed(saved, trained=False), image_only=False)
