"""Sequence models on values that a person can write down."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from mmdx.errors import UsageError
from mmdx.models.sequence.pooling import Attention, Max, Mean
from mmdx.models.sequence.recurrent import Gru, Lstm, run_recurrent

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


def test_a_study_without_items_stays_finite():
    models = [Mean(2), Max(2), Attention(2), Attention(2, heads=3)]
    for model in (*models, Lstm(2, hidden=3), Lstm(2, hidden=3, answer="max"), Gru(2, hidden=3)):
        assert model(ITEMS, NOBODY, NOWHERE).pooled.isfinite().all()


def test_attention_weights_sum_to_one_over_real_items():
    torch.manual_seed(0)
    weights = Attention(2, hidden=4)(ITEMS, MASK, NOWHERE).weights
    assert weights.sum(dim=1).tolist() == pytest.approx([1.0, 1.0])
    assert weights[~MASK].tolist() == [0.0, 0.0, 0.0]


def test_the_lstm_answers_after_the_last_real_item():
    torch.manual_seed(0)
    model = Lstm(2, hidden=3)
    expected, _ = model.network(ITEMS[:1, :2])
    torch.testing.assert_close(model(ITEMS, MASK, NOWHERE).pooled[0], expected[0, -1])


def test_both_directions_end_at_their_own_last_item():
    torch.manual_seed(0)
    model = Lstm(2, hidden=3, bidirectional=True)
    outputs, _ = run_recurrent(model.network, ITEMS, MASK)
    forward, backward = outputs[0, 1, :3], outputs[0, 0, 3:]
    torch.testing.assert_close(model(ITEMS, MASK, NOWHERE).pooled[0], torch.cat([forward, backward]))


def test_answering_by_the_maximum_keeps_a_peak_on_an_early_slice():
    torch.manual_seed(0)
    model = Lstm(2, hidden=3, answer="max")
    outputs, _ = run_recurrent(model.network, ITEMS, MASK)
    torch.testing.assert_close(model(ITEMS, MASK, NOWHERE).pooled[0], outputs[0, :2].amax(dim=0))


def test_the_gru_is_that_of_torch():
    torch.manual_seed(0)
    model = Gru(2, hidden=3, layers=2, bidirectional=True)
    assert isinstance(model.network, nn.GRU)
    outputs, state = model.network(ITEMS[:1, :2])
    seen = model(ITEMS, MASK, NOWHERE)
    torch.testing.assert_close(seen.items[0, :2], outputs[0])
    torch.testing.assert_close(seen.pooled[0], torch.cat([state[2, 0], state[3, 0]]))
    assert (model.dim, model.item_dim) == (6, 6)


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
