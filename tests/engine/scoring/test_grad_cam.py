"""Grad-CAM by hand on a linear look at patches, and the boxes around it."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from parts import IMAGES, batch_of, config_of, model_of, sample

from mmdx.engine.scoring.grad_cam import boxes_around, heatmaps
from mmdx.errors import UsageError


def batch_with(place: tuple[int, int]):
    """Two images; the first is bright on one of its 4 x 4 patches."""
    batch = batch_of([sample(0, images=2, words=2)])
    pixels = torch.zeros_like(batch.inputs["image"].values)
    row, column = place
    pixels[0, :, 8 * row : 8 * row + 8, 8 * column : 8 * column + 8] = 255
    image = dataclasses.replace(batch.inputs["image"], values=pixels)
    return dataclasses.replace(batch, inputs={**batch.inputs, "image": image})


def linear_model():
    """Brightness of a patch in channel 0, its mean over the image as a vector, and this as a logit."""
    model = model_of(config_of(image={**IMAGES, "sequence": "mean"}, heads={"slice": "slice"})).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        model.branches["image"].encoder.look.weight[0] = 1 / 64
        model.heads["slice"].layers[1].weight[0, 0] = 2.0
    return model


def test_heat_lies_where_the_logit_comes_from():
    heat, scores = heatmaps(linear_model(), batch_with((1, 2)), "image")
    assert heat.shape == (2, 2, 32, 32)
    # The weight of channel 0 is the same everywhere, so that heat follows the patch: all of it around (12, 20).
    assert heat[0, 0].flatten().argmax().item() in [32 * y + x for y in range(8, 16) for x in range(16, 24)]
    assert heat[0, 0].max() == pytest.approx(1, abs=0.1)
    assert heat[0, 0, :, :8].max() == 0
    # Nothing is bright on the other image, and nothing leads to the other finding.
    assert heat[1].max() == 0
    assert heat[0, 1].max() == 0
    # The mean of 16 patches, of which one is tanh(1), through the weight of 2.
    logit = 2 * torch.tensor(1.0).tanh() / 16
    assert scores[0, 0].item() == pytest.approx(logit.sigmoid().item(), abs=1e-5)


def test_a_look_leaves_the_model_as_it_was():
    model = linear_model()
    model.branches["image"].encoder.requires_grad_(False)
    heat, _ = heatmaps(model, batch_with((0, 0)), "image")
    assert heat.max() > 0
    assert model(batch_with((0, 0))).features["image"].maps == ()
    assert not any(p.requires_grad for p in model.branches["image"].encoder.parameters())
    assert all(p.grad is None for p in model.parameters())


def test_a_box_around_each_warm_patch():
    heat = torch.zeros(1, 2, 8, 8)
    heat[0, 0, 1:4, 2:6] = 0.5
    heat[0, 0, 6:8, 0:2] = 1.0
    heat[0, 0, 0, 7] = 0.9  # one pixel is no box
    found, scores = boxes_around(heat, torch.tensor([[0.8, 0.9]]))
    assert found.corners.tolist() == [[2, 1, 6, 4], [0, 6, 2, 8]]
    assert (found.images.tolist(), found.findings.tolist()) == ([0, 0], [0, 0])
    assert scores.tolist() == pytest.approx([0.4, 0.8])


def test_an_encoder_without_maps_is_refused():
    model = model_of(config_of(image={**IMAGES, "encoder": {"type": "timm", "name": "test_vit"}}))
    with pytest.raises(UsageError, match="gives no feature maps"):
        heatmaps(model, batch_with((0, 0)), "image")
