"""Config and facts become a model, and with its architectures the same model again."""

from __future__ import annotations

import torch
from parts import FACTS, config_of, mixed_batch

from mmdx.engine.assembly.facts import ModelFacts
from mmdx.engine.assembly.model import build_model
from mmdx.models.branches.images import ImageBranch
from mmdx.models.branches.vectors import VectorBranch
from mmdx.models.facts import InputFacts


def test_every_encoder_leaves_its_architecture() -> None:
    model, facts = build_model(config_of(), FACTS)
    assert all(sizes.architecture is None for sizes in FACTS.inputs.values())
    assert [sizes.architecture is not None for sizes in facts.inputs.values()] == [True, True]
    assert facts.unbuilt() == FACTS
    again, _ = build_model(config_of(), facts)
    again.load_state_dict(model.state_dict())
    batch = mixed_batch()
    with torch.no_grad():
        assert torch.equal(model.eval()(batch).logits["study"], again.eval()(batch).logits["study"])


def test_inputs_are_withheld_at_their_own_rates() -> None:
    assert build_model(config_of(modality_dropout=0.25), FACTS)[0].rates.tolist() == [[0.25, 0.25]] * 2
    assert build_model(config_of(modality_dropout={"report": 0.5}), FACTS)[0].rates.tolist() == [[0.0, 0.0], [0.5, 0.5]]
    risen = build_model(config_of(modality_dropout=0.25, withhold=("report",)), FACTS)[0]
    assert risen.rates.tolist() == [[0.25, 0.25], [0.25, 1.0]]


def test_the_kind_of_an_input_is_that_of_its_facts() -> None:
    inputs = {"image": InputFacts("images"), "report": InputFacts("vectors", width=6)}
    facts = ModelFacts(FACTS.findings, FACTS.size, inputs)
    model, _ = build_model(config_of(report="mlp"), facts)
    assert [type(branch) for branch in model.branches.values()] == [ImageBranch, VectorBranch]
