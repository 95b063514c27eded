"""Descriptors of a batch, and which model may describe which study."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from parts import FACTS, VECTOR_FACTS, config_of, mixed_batch, model_of

from mmdx.engine.assembly.saved import SavedModel
from mmdx.engine.scoring.descriptors import (
    Describer,
    Extraction,
    chosen_modalities,
    descriptors_of,
    distinct_members,
    is_frozen,
    joining,
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


def ensemble(*, frozen: bool) -> SavedModel:
    """Two members, whose image encoders are the same where they are frozen."""
    first, second = (saved_model() for _ in range(2))
    for saved in (first, second):
        for parameter in saved.model.branches["image"].encoder.parameters():
            parameter.requires_grad_(not frozen)
    return replace(first, others=(second,))


def test_vectors_of_members_stand_side_by_side_and_their_logits_are_averaged():
    saved = ensemble(frozen=False)
    assert distinct_members(saved, "image") == [0, 1]
    # One vector of one value and the logits of two findings by each member.
    parts = [np.array([[1, 0.5, 2]], np.float32), np.array([[3, 1.5, 4]], np.float32)]
    assert joining(saved, "image", logits=True)(parts).tolist() == [[1, 3, 1, 3]]
    assert joining(saved, "image", logits=False)(parts).tolist() == [[1, 0.5, 2, 3, 1.5, 4]]
    facts = Extraction(Path("run"), {"own": Describer(saved, Path("run"), frozenset())}, [], ["image"], folds=2).facts()
    assert (facts["image"].width, facts["image"].logits) == (6 + 6 + 2, 2)


def test_one_frozen_encoder_of_all_members_describes_once():
    saved = ensemble(frozen=True)
    assert distinct_members(saved, "image") == [0]
    parts = [np.array([[1, 2]], np.float32), np.array([[1, 2]], np.float32)]
    assert joining(saved, "image", logits=False)(parts).tolist() == [[1, 2]]
    with torch.no_grad():
        next(saved.others[0].model.branches["image"].encoder.parameters()).add_(1)
    assert distinct_members(saved, "image") == [0, 1]


def test_a_frozen_ensemble_has_the_width_of_one_member():
    describer = Describer(ensemble(frozen=True), Path("run"), frozenset())
    facts = Extraction(Path("run"), {"own": describer}, ["own"], ["image"], folds=None).facts()["image"]
    assert (facts.width, facts.logits) == (6, 0)
