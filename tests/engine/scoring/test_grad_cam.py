"""Grad-CAM by hand on a linear look at patches, and the boxes around it."""

from __future__ import annotations

import dataclasses

import pytest
import torch
import torch.nn.functional as F
from parts import IMAGES, batch_of, config_of, model_of, sample

from mmdx.engine.scoring.grad_cam import LEAST_CELLS, boxes_around, heat_of, heatmaps
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


def resnet(heads: dict):
    """A small ResNet whose slices meet in an LSTM, with a head that reads its maps beside those under test."""
    image = {**IMAGES, "encoder": {"type": "timm", "name": "test_resnet"}, "sequence": {"type": "lstm", "hidden": 4}}
    torch.manual_seed(0)
    return model_of(config_of(image=image, heads={**heads, "boxes": {"type": "boxes", "levels": 2}})).eval()


def two_studies():
    return batch_of([sample(0, images=3, words=2), sample(1, images=2, words=2)])


@pytest.mark.parametrize("level", ["slice", "study"])
def test_heat_is_that_of_the_gradient_through_the_whole_model(level: str):
    model, batch, asked = resnet({level: level}), two_studies(), [(0, 1), (2, 0), (4, 1), (2, 1)]
    with torch.no_grad():
        heat = heat_of(model, batch, model(batch), "image", asked)
    output = model(batch, maps={"image": len(model.branches["image"].sizes.maps)})
    maps = next(part for part in reversed(output.features["image"].maps) if min(part.shape[-2:]) >= LEAST_CELLS)
    warm = 0
    for (image, column), found in zip(asked, heat, strict=True):
        row = image if level == "slice" else int(image > 2)
        (gradient,) = torch.autograd.grad(output.logits[level][row, column], maps, retain_graph=True)
        weights = gradient[image].mean(dim=(1, 2), keepdim=True)
        expected = (weights * maps[image]).sum(dim=0).clamp(min=0).detach()
        large = F.interpolate(expected[None, None], batch.inputs["image"].values.shape[-2:], mode="bilinear")[0, 0]
        torch.testing.assert_close(found, large, rtol=1e-4, atol=1e-4 * float(large.max()))
        warm += int(large.max() > 0)
    assert warm > 1


def test_only_what_is_asked_for_goes_backward():
    model, batch, passes = resnet({"slice": "slice"}), two_studies(), []
    with torch.no_grad():
        output = model(batch)
    encoder = model.branches["image"].encoder
    real = encoder.with_maps

    def watched(images, count):
        vectors, maps = real(images, count)
        vectors.register_hook(lambda gradient: passes.append(len(gradient)))
        return vectors, maps

    encoder.with_maps = watched
    heat_of(model, batch, output, "image", [(1, 0)])
    assert passes == [1]
    passes.clear()
    heat_of(model, batch, output, "image", [(image, column) for image in range(5) for column in range(2)] * 4)
    assert passes == [32, 8]
