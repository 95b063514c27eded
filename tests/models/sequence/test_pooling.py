"""The items of a study as a set, on values that a person can write down."""

from __future__ import annotations

import pytest
import torch

from mmdx.errors import UsageError
from mmdx.models.sequence.pooling import Attention, Max, Mean

ITEMS = torch.tensor([[[1.0, 5.0], [3.0, -1.0], [9.0, 9.0]], [[-2.0, -4.0], [7.0, 7.0], [7.0, 7.0]]])
MASK = torch.tensor([[True, True, False], [True, False, False]])
NOWHERE = torch.full((2, 3), torch.nan)
NOBODY = torch.tensor([[True, True, False], [False, False, False]])


def test_mean_counts_real_items_alone():
    seen = Mean(2)(ITEMS, MASK, NOWHERE)
    assert seen.pooled.tolist() == [[2.0, 2.0], [-2.0, -4.0]]
    assert seen.weights.tolist() == [[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]]


def test_max_sees_real_items_alone_negative_ones_too():
    assert Max(2)(ITEMS, MASK, NOWHERE).pooled.tolist() == [[3.0, 5.0], [-2.0, -4.0]]


def test_attention_weights_sum_to_one_over_real_items():
    torch.manual_seed(0)
    weights = Attention(2, hidden=4)(ITEMS, MASK, NOWHERE).weights
    assert weights.sum(dim=1).tolist() == pytest.approx([1.0, 1.0])
    assert weights[~MASK].tolist() == [0.0, 0.0, 0.0]


def test_each_attention_looks_for_its_own_items():
    """The first head scores the first feature, the second the second: each all but picks the item where it is large."""
    model = Attention(2, hidden=2, heads=2)
    with torch.no_grad():
        model.content.weight.copy_(torch.eye(2))
        model.gate.weight.zero_()
        model.gate.bias.fill_(100.0)
        model.content.bias.zero_()
        model.score.weight.copy_(100 * torch.eye(2))
    items = torch.tensor([[[1.0, 0.0], [0.0, 2.0], [5.0, 5.0]]])
    seen = model(items, MASK[:1], NOWHERE[:1])
    assert seen.pooled[0].tolist() == pytest.approx([1.0, 0.0, 0.0, 2.0])
    assert seen.weights[0].tolist() == pytest.approx([0.5, 0.5, 0.0])
    assert (model.dim, model.item_dim) == (4, 2)


def test_attention_without_heads_is_refused():
    with pytest.raises(UsageError, match="heads is 0; give 1 or more"):
        Attention(2, heads=0)


def test_a_study_without_items_stays_finite():
    for model in (Mean(2), Max(2), Attention(2), Attention(2, heads=3)):
        assert model(ITEMS, NOBODY, NOWHERE).pooled.isfinite().all()
