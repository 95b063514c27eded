"""Which slices are explained where the answer for a study comes from the answers to its slices."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mmdx.batch import Batch, Packed
from mmdx.config_file import parse_config
from mmdx.engine.assembly.facts import ModelFacts
from mmdx.engine.assembly.model import build_model
from mmdx.engine.assembly.resolve import resolve
from mmdx.engine.assembly.saved import SavedModel
from mmdx.engine.inference.arrays import ArrayStudy, ImageArrays
from mmdx.engine.inference.explain import Asked, explain_study
from mmdx.models.facts import InputFacts
from mmdx.models.heads.study import StudyHead

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 32, 32), dtype=np.uint8)


@pytest.mark.parametrize("pooling", ["max", "attention"])
def test_the_slices_that_an_answer_stands_on_come_first(pooling: str):
    inputs = {"image": {"encoder": {"type": "timm", "name": "test_resnet"}, "sequence": "mean"}}
    heads = {"study": {"type": "study", "slices": pooling, "fused": False}}
    config = resolve(
        parse_config({"data": {"store": "unused"}, "model": {"inputs": inputs, "dim": 8, "heads": heads}}, "test")
    )
    torch.manual_seed(0)
    model, facts = build_model(config, ModelFacts(("bleed", "fracture"), 32, {"image": InputFacts("images")}))
    saved = SavedModel(model.eval(), config, facts, {})
    explanation = explain_study(saved, ArrayStudy({"image": ImageArrays(IMAGES)}), Asked(top=5))
    packed = Packed(torch.from_numpy(IMAGES).unsqueeze(1), torch.tensor([5]))
    with torch.no_grad():
        output = model(Batch(["s"], ["p"], {"image": packed}, torch.zeros(1, 2), {}))
    head = model.heads["study"]
    assert isinstance(head, StudyHead)
    ranks = head.ranks(output.features, "image")
    assert ranks is not None
    for column, finding in enumerate(("bleed", "fracture")):
        order = [image.place.index for image in explanation.findings[finding]]
        assert order == ranks[0, :, column].argsort(descending=True).tolist()
