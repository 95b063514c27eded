"""Descriptors of a batch, and which model may describe which study."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from parts import FACTS, VECTOR_FACTS, config_of, mixed_batch, model_of

from mmdx.engine.assembly.saved import SavedModel
from mmdx.engine.scoring.descriptors import (
    Describer,
    Extraction,
    chosen_modalities,
    descriptors_of,
    is_frozen,
    slice_head,
)
from mmdx.errors import UsageError

VECTORS = {"encoder": "plain", "sequence": "max"}


def saved_model(**model: object) -> SavedModel:
    config = config_of(**model)
    return SavedModel(model_of(config).eval(), config, FACTS, {})


def test_images_and_descriptors_are_described_and_reports_are_not():
    saved = saved_model()
    assert chosen_modalities(saved, []) == ["image"]
    with pytest.raises(UsageError, match="--modality report: the run describes no 'report'"):
        chosen_modalities(saved, ["report"])
    config = config_of(report=VECTORS)
    both = SavedModel(model_of(config, VECTOR_FACTS), config, VECTOR_FACTS, {})
    assert chosen_modalities(both, []) == ["image", "report"]
    assert chosen_modalities(both, ["report"]) == ["report"]


def test_an_encoder_without_weights_to_train_is_frozen():
    model = model_of(config_of(report=VECTORS), VECTOR_FACTS)
    assert not is_frozen(model, "image")
    assert is_frozen(model, "report")
    for parameter in model.branches["image"].parameters():
        parameter.requires_grad_(False)
    assert is_frozen(model, "image")


def test_logits_stand_behind_the_vectors():
    saved, batch = saved_model(), mixed_batch()
    model = saved.model
    output = model(batch)
    head = slice_head(model, "image")
    assert head == "slice"
    count = int(batch.inputs["image"].lengths.sum())
    alone = descriptors_of(model, output, "image", logits=False)
    assert alone.shape == (count, 6)
    both = descriptors_of(model, output, "image", logits=True)
    assert torch.equal(both[:, :6], alone)
    assert torch.equal(both[:, 6:], output.logits[head].float())


@pytest.mark.parametrize(("folds", "width"), [(None, 6), (2, 8)])
def test_logits_come_with_folds_alone(folds: int | None, width: int):
    describer = Describer(saved_model(), Path("run"), frozenset())
    facts = Extraction(Path("run"), {"own": describer}, ["own"], ["image"], folds=folds).facts()["image"]
    assert (facts.kind, facts.width, facts.logits) == ("vectors", width, width - 6)
