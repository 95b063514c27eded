"""A kind of modality of one's own: registered with a branch and an encoder, it is read by a model like any other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from jaxtyping import Float
from torch import Tensor, nn

from mmdx.batch import Batch, Features, Packed
from mmdx.config_file import parse_config
from mmdx.engine.assembly.encoders import kind_of
from mmdx.engine.assembly.facts import ModelFacts
from mmdx.engine.assembly.model import build_model
from mmdx.engine.assembly.resolve import resolve
from mmdx.errors import UsageError
from mmdx.kinds import KINDS, Kind
from mmdx.models.branches.base import Branch, projection
from mmdx.models.facts import InputFacts
from mmdx.models.heads.base import BranchSizes
from mmdx.models.packing import item_mask, pad
from mmdx.registry import BRANCHES, Registry
from mmdx.schema import Config, InputConfig

SIGNAL_ENCODERS = Registry("signal encoder")


@SIGNAL_ENCODERS("test_leads")
class Leads(nn.Module):
    """One layer over the leads of an electrocardiogram, moment by moment."""

    def __init__(self, leads: int, *, hidden: int = 4) -> None:
        super().__init__()
        self.layer, self.dim = nn.Linear(leads, hidden), hidden

    def forward(self, moments: Float[Tensor, "n d"]) -> Float[Tensor, "n e"]:
        return self.layer(moments).tanh()


class SignalBranch(Branch):
    """The mean over the moments of a signal."""

    encoders = SIGNAL_ENCODERS

    def __init__(self, encoder: Leads, dim: int) -> None:
        super().__init__()
        self.encoder, self.project = encoder, projection(encoder.dim, dim)
        self.sizes = BranchSizes("test_signals", items=encoder.dim)

    @classmethod
    def build(
        cls, section: InputConfig, facts: InputFacts, *, dim: int, where: str
    ) -> tuple[Branch, Mapping[str, Any]]:
        return cls(SIGNAL_ENCODERS.build(section.encoder, f"{where}.encoder", leads=facts.width), dim), {"leads": 2}

    def forward(self, packed: Packed) -> Features:
        mask = item_mask(packed.lengths)
        items = pad(self.encoder(packed.values), mask)
        counts = packed.lengths.clamp(min=1)[:, None]
        return Features(items=items, mask=mask, pooled=self.project(items.sum(dim=1) / counts))


@pytest.fixture(autouse=True)
def signals(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a plugin does when it is imported, undone after the test."""
    monkeypatch.setattr(KINDS, "_kinds", dict(KINDS))
    monkeypatch.setattr(BRANCHES, "_parts", {name: BRANCHES.get(name) for name in BRANCHES.names()})
    KINDS.add(Kind("test_signals"))
    BRANCHES("test_signals")(SignalBranch)


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
    inputs = {"ecg": InputFacts("test_signals", width=2), "report": InputFacts("text", vocabulary=8)}
    model, facts = build_model(config, ModelFacts(("af",), 16, inputs))
    assert facts.inputs["ecg"].architecture == {"leads": 2}
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
