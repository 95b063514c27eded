"""Answers slice by slice: from the sequence, from the encoder too, and for descriptors."""

from __future__ import annotations

import pytest
import torch
from parts import IMAGES, VECTOR_FACTS, batch_of, config_of, model_of, sample

from mmdx.batch import Batch, Features
from mmdx.errors import UsageError
from mmdx.models.heads.base import BranchSizes, Findings
from mmdx.models.heads.slice import SliceHead

FINDINGS = Findings(("bleed",))
BRANCHES = {
    "report": BranchSizes("text", items=3),
    "stage_one": BranchSizes("vectors", items=2, vectors=3),
    "ct": BranchSizes("images", items=2, vectors=3),
}
MASK = torch.tensor([[True, True], [True, False]])
SEEN = Features(
    items=torch.tensor([[[1.0, 0.0], [2.0, 0.0]], [[3.0, 0.0], [9.0, 9.0]]]),
    mask=MASK,
    pooled=torch.zeros(2, 4),
    vectors=torch.tensor([[[10.0, 0.0, 0.0], [20.0, 0.0, 0.0]], [[30.0, 0.0, 0.0], [99.0, 99.0, 99.0]]]),
)
NOTHING = Batch([], [], {}, torch.zeros(0, 1), {})


def adding(*, blend: bool) -> SliceHead:
    """A head whose layers say the first feature of what they read."""
    head = SliceHead(4, FINDINGS, BRANCHES, modality="ct", blend=blend)
    for layers in [head.layers, *([head.own] if head.own is not None else [])]:
        with torch.no_grad():
            layers[1].weight.copy_(torch.eye(1, layers[1].in_features))
            layers[1].bias.zero_()
    return head


def test_blending_adds_what_the_encoder_says_of_each_slice():
    fused = torch.zeros(2, 4)
    assert adding(blend=False)({"ct": SEEN}, fused, NOTHING).flatten().tolist() == [1.0, 2.0, 3.0]
    assert adding(blend=True)({"ct": SEEN}, fused, NOTHING).flatten().tolist() == [11.0, 22.0, 33.0]


def test_images_come_before_descriptors_and_these_before_nothing():
    assert SliceHead(4, FINDINGS, BRANCHES).modality == "ct"
    descriptors = {name: sizes for name, sizes in BRANCHES.items() if name != "ct"}
    assert SliceHead(4, FINDINGS, descriptors).modality == "stage_one"
    with pytest.raises(UsageError, match="no modality of images or descriptors; drop this head"):
        SliceHead(4, FINDINGS, {"report": BRANCHES["report"]})
    with pytest.raises(UsageError, match="is called 'report'; known: ct, stage_one"):
        SliceHead(4, FINDINGS, BRANCHES, modality="report")


def test_a_blended_head_learns_from_both():
    head = {"type": "slice", "blend": True}
    model = model_of(config_of(heads={"slice": head}))
    batch = batch_of([sample(0, images=3, words=2), sample(1, images=2, words=0)])
    model.answering["slice"].loss(model(batch).logits["slice"], batch).backward()
    moved = {name for name, p in model.heads.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0}
    assert moved == {"slice.layers.1.weight", "slice.layers.1.bias", "slice.own.1.weight", "slice.own.1.bias"}


def test_descriptors_are_answered_for_one_by_one():
    config = config_of(image=IMAGES, report="mlp", heads={"each": {"type": "slice", "modality": "report"}})
    samples = [sample(0, images=2, words=3, second="vectors"), sample(1, images=1, words=4, second="vectors")]
    batch = batch_of(samples, second="vectors")
    assert model_of(config, VECTOR_FACTS)(batch).logits["each"].shape == (7, 2)


def test_windows_and_neighbours_are_channels_of_one_encoder():
    image = {**IMAGES, "view": {"type": "grey", "channels": 2}, "neighbours": 1}
    model = model_of(config_of(image=image)).eval()
    samples = [sample(0, images=3, words=2), sample(1, images=2, words=0)]
    assert model.branches["image"].encoder.look.in_channels == 6
    assert model.branches["image"].minds_order
    together, alone = model(batch_of(samples)), model(batch_of(samples[1:]))
    torch.testing.assert_close(together.logits["slice"][3:], alone.logits["slice"], atol=1e-5, rtol=1e-5)
