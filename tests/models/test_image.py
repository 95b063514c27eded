"""timm encoders with and without pretrained weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file

from mmdx.errors import UsageError
from mmdx.models import image
from mmdx.models.image import TimmEncoder
from mmdx.registry import IMAGE_ENCODERS
from mmdx.schema import Component

NAME = "test_resnet"


@pytest.fixture
def saved(tmp_path) -> tuple[torch.nn.Module, Path]:
    """A timm model, and its weights in a file."""
    torch.manual_seed(3)
    network = timm.create_model(NAME)
    save_file(network.state_dict(), tmp_path / "net.safetensors")
    return network.eval(), tmp_path / "net.safetensors"


def test_pretrained_weights_of_a_file_give_the_features_of_their_model(saved):
    network, path = saved
    encoder = TimmEncoder(3, None, name=NAME, pretrained=str(path)).eval()
    images = torch.rand(2, 3, 32, 32)
    facts = network.pretrained_cfg
    mean, std = (torch.tensor(facts[key]).reshape(1, 3, 1, 1) for key in ("mean", "std"))
    expected = network.forward_head(network.forward_features((images - mean) / std), pre_logits=True)
    torch.testing.assert_close(encoder(images), expected)
    assert encoder.dim == expected.shape[1]


def test_weights_under_other_names_are_fitted_in_order(saved, tmp_path):
    network, path = saved
    renamed = {f"layer{index:03d}": value for index, value in enumerate(network.state_dict().values())}
    torch.save(renamed, tmp_path / "other.pth")
    images = torch.rand(1, 3, 32, 32)
    first, second = (
        TimmEncoder(3, None, name=NAME, pretrained=str(source)).eval()(images)
        for source in (path, tmp_path / "other.pth")
    )
    torch.testing.assert_close(first, second, atol=0, rtol=0)


def test_pretrained_weights_of_colour_read_grey(saved):
    """timm sums the first convolution over the colours: grey gives what it would as three equal channels."""
    images = torch.rand(1, 1, 32, 32)
    one, three = (TimmEncoder(c, None, name=NAME, pretrained=str(saved[1])).eval() for c in (1, 3))
    assert one.mean.flatten().tolist() == pytest.approx([sum(saved[0].pretrained_cfg["mean"]) / 3])
    one.mean = three.mean = torch.zeros(1)
    one.std = three.std = torch.ones(1)
    torch.testing.assert_close(one(images), three(images.expand(-1, 3, -1, -1)), atol=1e-4, rtol=1e-4)


def test_neighbours_of_colour_are_read_as_colour_thrice(saved):
    """timm repeats the first convolution over 9 channels and divides it by 3: three equal images say what one does."""
    images = torch.rand(1, 3, 32, 32)
    nine, three = (TimmEncoder(c, None, name=NAME, pretrained=str(saved[1])).eval() for c in (9, 3))
    assert nine.mean.flatten().tolist() == pytest.approx(list(saved[0].pretrained_cfg["mean"]) * 3)
    torch.testing.assert_close(nine(images.repeat(1, 3, 1, 1)), three(images), atol=1e-4, rtol=1e-4)


def test_a_frozen_encoder_keeps_weights_and_statistics():
    encoder = TimmEncoder(1, None, name=NAME, frozen=True).train()
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    encoder(torch.rand(4, 1, 32, 32))
    assert not any(parameter.requires_grad for parameter in encoder.parameters())
    assert all(torch.equal(value, before[name]) for name, value in encoder.state_dict().items())


def test_a_saved_architecture_looks_for_nothing_pretrained(saved):
    first = TimmEncoder(3, None, name=NAME, pretrained=str(saved[1]))
    again = TimmEncoder(3, first.architecture, name=NAME, pretrained="gone/with/the/machine.pth")
    torch.testing.assert_close(again.mean, first.mean)
    assert again.architecture == first.architecture


def test_a_name_that_timm_does_not_know():
    with pytest.raises(UsageError, match=r"no timm model is called 'resnet5'; .*resnet50"):
        TimmEncoder(1, None, name="resnet5")


def test_weights_that_are_nowhere():
    with pytest.raises(UsageError, match=r"pretrained 'nowhere' is neither hub .*, a file, nor an installed package"):
        TimmEncoder(1, None, name=NAME, pretrained="nowhere")


def test_true_and_false_are_what_they_are_in_timm():
    options = {word: IMAGE_ENCODERS.options(Component(type="timm", pretrained=word)) for word in (True, False, None)}
    assert [options[word]["pretrained"] for word in (True, False, None)] == ["hub", None, None]


def test_weights_that_cannot_be_downloaded_are_one_line_with_three_other_ways():
    with pytest.raises(UsageError, match="the weights of 'resnet18' are not on this machine, and HF_HUB_OFFLINE") as no:
        TimmEncoder(1, None, name="resnet18", pretrained="hub")
    (line,) = no.value.problems
    assert all(way in line for way in ("a weight file", "an installed package", "none (pretrained=false)"))


def test_weights_that_were_downloaded_before_need_no_hub(saved, monkeypatch):
    monkeypatch.setattr(image, "downloaded", lambda repository, *names: saved[1])
    monkeypatch.setattr(image, "out_of_reach", lambda: pytest.fail("the hub was asked"))
    network = TimmEncoder(3, None, name=NAME, pretrained="hub").network
    torch.testing.assert_close(network.conv1[0].weight, saved[0].conv1[0].weight)


@pytest.mark.parametrize(
    ("name", "pretrained", "line"),
    [
        ("resnet5", None, "no timm model is called 'resnet5'"),
        ("resnet18", "nowhere.pth", "pretrained 'nowhere.pth' is neither"),
        ("resnet18.no_such_tag", "hub", "timm has no weights of its own for 'resnet18.no_such_tag'"),
        ("resnet18", "hub", "the weights of 'resnet18' are not on this machine"),
        ("resnet18", None, None),
    ],
)
def test_what_an_encoder_lacks_is_told_without_making_it(name, pretrained, line):
    lines = TimmEncoder.lacking(name=name, pretrained=pretrained, frozen=False)
    assert (lines == []) if line is None else lines[0].startswith(line)


def test_pretrained_layers_are_counted_from_the_image(saved):
    layers = TimmEncoder(3, None, name=NAME, pretrained=str(saved[1])).pretrained_layers()
    places = ("conv1.0", "layer1.0.conv1", "layer2.0.conv1", "layer3.0.conv1", "layer4.0.conv1")
    assert [layers[f"network.{place}.weight"] for place in places] == [0, 1, 2, 3, 4]
    assert TimmEncoder(3, None, name=NAME).pretrained_layers() == {}
