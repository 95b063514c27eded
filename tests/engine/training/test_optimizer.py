"""The optimizer's groups, which of them stand still, and its learning rate, against values written down by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
import timm
import torch
from parts import IMAGES, config_of, mixed_batch, model_of, tiny_bert
from safetensors.torch import save_file

from mmdx.engine.training.objective import objective
from mmdx.engine.training.optimizer import learning_rate, make_optimizer, rate_lines, set_rates, stand_still
from mmdx.models.model import MultimodalModel, trainable
from mmdx.sections import PartRates, TrainConfig, Unfreezing

ENCODER = "branches.image.encoder.network"


@pytest.fixture
def pretrained(tmp_path: Path) -> MultimodalModel:
    """A ResNet of five layers (a stem and four blocks), whose weights were those of a file, beside a BiLSTM."""
    torch.manual_seed(3)
    save_file(timm.create_model("test_resnet").state_dict(), tmp_path / "net.safetensors")
    encoder = {"type": "timm", "name": "test_resnet", "pretrained": str(tmp_path / "net.safetensors")}
    return model_of(config_of(image={**IMAGES, "encoder": encoder}))


def of_weights(model: MultimodalModel, train: TrainConfig, key: str) -> dict[str, float]:
    """What the groups of the optimizer say of each weight that is trained."""
    by_id = {id(p): group[key] for group in make_optimizer(model, train).param_groups for p in group["params"]}
    return {name: by_id[id(parameter)] for name, parameter in trainable(model)}


def backward(model: MultimodalModel) -> None:
    batch = mixed_batch()
    objective(model, model(batch), batch)["loss"].backward()


def test_learning_rate_climbs_then_falls_to_zero():
    schedule = TrainConfig(lr=2.0, warmup=0.5)
    rates = [learning_rate(schedule, done) for done in (0.0, 0.25, 0.5, 0.75, 1.0)]
    assert rates == pytest.approx([0.0, 1.0, 2.0, 1.0, 0.0])


def test_by_default_there_are_two_groups_matrices_that_decay_and_the_rest_that_does_not():
    model = model_of(config_of())
    first, second = make_optimizer(model, TrainConfig(weight_decay=0.25)).param_groups
    parameters = [parameter for _, parameter in trainable(model)]
    assert [id(p) for p in first["params"]] == [id(p) for p in parameters if p.dim() > 1]
    assert [id(p) for p in second["params"]] == [id(p) for p in parameters if p.dim() <= 1]
    assert (first["weight_decay"], second["weight_decay"]) == (0.25, 0.0)
    assert (first["scale"], second["scale"]) == (1.0, 1.0)


def test_each_part_has_its_rate():
    rates = PartRates(encoder=0.1, sequence=0.2, text=0.3, fusion=0.4, heads=0.5)
    scales = of_weights(model_of(config_of()), TrainConfig(rates=rates), "scale")
    starts = {
        "branches.image.encoder.": 0.1,
        "branches.image.sequence.": 0.2,
        "branches.image.project.": 0.4,
        "branches.report.encoder.": 0.3,
        "branches.report.project.": 0.4,
        "stand_ins.": 0.4,
        "fusion.": 0.4,
        "heads.": 0.5,
    }
    expected = {name: rate for name in scales for start, rate in starts.items() if name.startswith(start)}
    assert scales == expected


def test_layers_below_learn_less_in_pretrained_encoders_alone(pretrained, tmp_path):
    scales = of_weights(pretrained, TrainConfig(rates=PartRates(encoder=0.8), layer_decay=0.5), "scale")
    assert scales[f"{ENCODER}.layer4.0.conv1.weight"] == pytest.approx(0.8)
    assert scales[f"{ENCODER}.layer3.0.bn1.bias"] == pytest.approx(0.4)
    assert scales[f"{ENCODER}.conv1.0.weight"] == pytest.approx(0.05)
    assert {scale for name, scale in scales.items() if not name.startswith(ENCODER)} == {1.0}
    report = {"encoder": {"type": "transformer", "source": tiny_bert(tmp_path / "bert"), "max_tokens": 64}}
    scales = of_weights(model_of(config_of(report=report)), TrainConfig(layer_decay=0.5), "scale")
    text = "branches.report.encoder.network"
    assert scales[f"{text}.embeddings.word_embeddings.weight"] == 0.5
    assert scales[f"{text}.encoder.layer.0.output.dense.weight"] == 1.0
    assert scales["branches.image.encoder.look.weight"] == 1.0


def test_layers_open_from_the_top_or_all_at_once(pretrained):
    opens = of_weights(pretrained, TrainConfig(unfreeze=Unfreezing(after=0.2, until=0.6)), "opens")
    places = ("layer4.0.conv1", "layer3.0.conv1", "layer2.0.conv1", "layer1.0.conv1", "conv1.0")
    assert [opens[f"{ENCODER}.{place}.weight"] for place in places] == pytest.approx([0.2, 0.3, 0.4, 0.5, 0.6])
    assert {share for name, share in opens.items() if not name.startswith(ENCODER)} == {0.0}
    opens = of_weights(pretrained, TrainConfig(unfreeze=Unfreezing(after=0.2)), "opens")
    assert {share for name, share in opens.items() if name.startswith(ENCODER)} == {0.2}


@pytest.mark.parametrize("wrapped", [False, True])
def test_what_is_closed_stands_still_with_its_statistics(pretrained, wrapped):
    train = TrainConfig(lr=0.01, warmup=0.1, unfreeze=Unfreezing(after=0.25))
    optimizer = make_optimizer(pretrained, train)
    before = {name: value.clone() for name, value in pretrained.state_dict().items()}
    for done in (0.1, 0.2):
        assert set_rates(optimizer, pretrained, train, done, wrapped=wrapped) == learning_rate(train, done)
        backward(pretrained)
        # Processes that train together wait for the gradients of all weights.
        weight = pretrained.get_parameter(f"{ENCODER}.conv1.0.weight")
        assert (weight.grad is not None) == wrapped
        stand_still(optimizer)
        assert weight.grad is None
        assert weight.requires_grad
        optimizer.step()
        optimizer.zero_grad()
    moved = {name for name, value in pretrained.state_dict().items() if not torch.equal(value, before[name])}
    assert not any(name.startswith(ENCODER) for name in moved)
    assert "branches.image.sequence.network.weight_ih_l0" in moved
    assert "heads.slice.layers.1.weight" in moved
    # A closed weight leaves nothing in the optimizer either.
    assert len(optimizer.state) == sum(not name.startswith(ENCODER) for name, _ in trainable(pretrained))


def test_what_opens_climbs_over_a_warm_up_of_its_own(pretrained):
    train = TrainConfig(lr=0.01, warmup=0.1, unfreeze=Unfreezing(after=0.25, until=0.5))
    optimizer = make_optimizer(pretrained, train)
    modules = dict(pretrained.named_modules())
    for done, top, bottom in ((0.2, 0.0, 0.0), (0.3, 0.5, 0.0), (0.4, 1.0, 0.0), (0.7, 1.0, 1.0)):
        rate = set_rates(optimizer, pretrained, train, done, wrapped=False)
        rates = {id(p): group["lr"] for group in optimizer.param_groups for p in group["params"]}
        for place, share in (("layer4.0.bn1", top), ("bn1", bottom)):
            module = modules[f"{ENCODER}.{place}"]
            assert rates[id(module.weight)] == pytest.approx(rate * share)
            assert module.training == (share > 0)
            assert module.weight.requires_grad == (share > 0)
        assert modules["fusion"].training


def test_a_state_without_scales_goes_on_at_the_full_rate():
    model, train = model_of(config_of()), TrainConfig(lr=0.01)
    optimizer = make_optimizer(model, train)
    for group in optimizer.param_groups:
        del group["scale"], group["opens"]
    rate = set_rates(optimizer, model, train, 0.5, wrapped=False)
    assert [group["lr"] for group in optimizer.param_groups] == [rate, rate]


def test_layers_that_no_encoder_has_are_named(pretrained):
    asked = TrainConfig(layer_decay=0.5, unfreeze=Unfreezing(after=0.5))
    assert rate_lines(model_of(config_of()), asked) == [
        "train.layer_decay and unfreeze: no encoder of this model is pretrained and trained, so nothing comes of it"
    ]
    assert rate_lines(pretrained, asked) == rate_lines(model_of(config_of()), TrainConfig()) == []
