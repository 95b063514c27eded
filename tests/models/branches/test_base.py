"""A kind of modality of one's own: registered with a branch and an encoder, it is read by a model like any other."""

from __future__ import annotations

import pytest
import torch
from signal_branch import Leads, SignalBranch

from mmdx.batch import Batch, Packed
from mmdx.config_file import parse_config
from mmdx.engine.assembly.encoders import kind_of
from mmdx.engine.assembly.facts import ModelFacts
from mmdx.engine.assembly.model import build_model
from mmdx.engine.assembly.resolve import resolve
from mmdx.errors import UsageError
from mmdx.models.facts import InputFacts
from mmdx.schema import Config


def config_of(**signal: object) -> Config:
    inputs = {"ecg": {"encoder": "test_leads", **signal}, "report": "bilstm_attention"}
    return parse_config({"data": {"store": "unused"}, "model": {"inputs": inputs, "dim": 8}}, "test")


def batch() -> Batch:
    """Two studies, of which the second has no signal."""
    leads = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    inputs = {
        "ecg": Packed(leads, torch.tensor([3, 0])),
        "report": Packed(torch.tensor([2, 3, 4]), torch.tensor([1, 2])),
    }
    return Batch(["a", "b"], ["p", "q"], inputs, torch.tensor([[1.0], [0.0]]), {})


def test_a_model_reads_a_kind_that_a_plugin_brings() -> None:
    config = resolve(config_of())
    assert kind_of(config.model.inputs["ecg"]).name == "test_signals"
    assert config.model.inputs["ecg"].encoder.options == {"hidden": 4}
    inputs = {
        "ecg": InputFacts("test_signals", width=2, details=(("hertz", 250),)),
        "report": InputFacts("text", vocabulary=8),
    }
    model, facts = build_model(config, ModelFacts(("af",), 16, inputs))
    assert facts.inputs["ecg"].architecture == {"hertz": 250}
    output = model.train()(batch())
    assert output.logits["study"].shape == (2, 1)
    assert output.features["ecg"].items.shape == (2, 3, 4)
    assert output.present.tolist() == [[True, True], [False, True]]
    output.logits["study"].sum().backward()
    assert model.branches["ecg"].encoder.layer.weight.grad is not None


def test_an_option_that_the_branch_does_not_read_is_refused() -> None:
    line = r"model\.inputs\.ecg\.{}: is not for test_signals, which 'test_leads' reads; leave it out"
    for option, value in (("neighbours", 1), ("view", "grey"), ("select", "pca"), ("sequence", "mean")):
        with pytest.raises(UsageError, match=line.format(option)):
            resolve(config_of(**{option: value}))


def test_a_config_with_every_default_written_out_is_no_error() -> None:
    config = resolve(config_of())
    assert resolve(config) == config


def test_only_branches_of_images_give_feature_maps() -> None:
    branch = SignalBranch(Leads(2), 8)
    with pytest.raises(UsageError, match="branch SignalBranch: gives no feature maps"):
        branch.with_maps(batch().inputs["ecg"], 1)
