"""The branch of descriptors: how wide they are behind a selection, and which logits pass it as they are."""

from __future__ import annotations

import pytest
import torch
from parts import config_of

from mmdx.batch import Packed
from mmdx.engine.assembly.resolve import resolve
from mmdx.models.branches.vectors import VectorBranch
from mmdx.models.facts import InputFacts
from mmdx.models.select import Affine
from mmdx.models.sequence.pooling import Attention, Mean
from mmdx.models.vectors import Mlp, Plain


def branch_of(facts: InputFacts, **options: object) -> VectorBranch:
    section = resolve(config_of(report={"encoder": "plain", **options})).model.inputs["report"]
    branch, architecture = VectorBranch.build(section, facts, dim=3, where="model.inputs.report")
    assert isinstance(branch, VectorBranch)
    assert architecture == {}
    return branch


def test_without_a_selection_descriptors_are_as_wide_as_they_are_stored() -> None:
    branch = branch_of(InputFacts("vectors", width=6), sequence="mean")
    assert branch.select is None
    assert (branch.sizes.vectors, branch.sizes.items) == (6, 6)


def test_a_selection_leaves_its_values_and_the_logits_behind_them() -> None:
    facts = InputFacts("vectors", width=6, logits=2, selected=3)
    branch = branch_of(facts, select={"type": "variance", "k": 3}, sequence="mean")
    assert branch.select is not None
    assert tuple(branch.select.matrix.shape) == (4, 3)
    assert branch.sizes.vectors == 5


def test_what_is_selected_is_what_the_sequence_model_reads() -> None:
    select = Affine(2, 1)
    select.mean.copy_(torch.tensor([1.0, 0.0]))
    select.matrix.copy_(torch.tensor([[2.0], [0.0]]))
    branch = VectorBranch(Plain(2), Mean(2), 3, select=select)
    features = branch(Packed(torch.tensor([[2.0, 9.0, 7.0], [4.0, 9.0, 5.0]]), torch.tensor([2])))
    # (x - 1) * 2 of the first value; the third, a logit, as it is.
    assert features.vectors is not None
    assert features.vectors.tolist() == [[[2.0, 7.0], [6.0, 5.0]]]
    assert features.weights is not None
    assert features.weights.tolist() == [[0.5, 0.5]]


def test_a_branch_weighs_the_descriptors_of_a_study_and_of_no_other() -> None:
    torch.manual_seed(0)
    branch = VectorBranch(Mlp(6, hidden=4), Attention(4), 3).eval()
    seen = branch(Packed(torch.randn(5, 6), torch.tensor([2, 0, 3])))
    assert seen.pooled.shape == (3, 3)
    assert seen.mask.sum(dim=1).tolist() == [2, 0, 3]
    assert seen.weights is not None
    assert seen.weights.sum(dim=1).tolist() == pytest.approx([1, 0, 1])
