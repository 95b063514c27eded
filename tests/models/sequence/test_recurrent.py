"""Recurrent networks on values that a person can write down, and against torch."""

from __future__ import annotations

import torch
from torch import nn

from mmdx.models.sequence.recurrent import Gru, Lstm, run_recurrent

ITEMS = torch.tensor([[[1.0, 5.0], [3.0, -1.0], [9.0, 9.0]], [[-2.0, -4.0], [7.0, 7.0], [7.0, 7.0]]])
MASK = torch.tensor([[True, True, False], [True, False, False]])
NOWHERE = torch.full((2, 3), torch.nan)
NOBODY = torch.tensor([[True, True, False], [False, False, False]])


def test_a_study_without_items_stays_finite():
    for model in (Lstm(2, hidden=3), Lstm(2, hidden=3, answer="max"), Gru(2, hidden=3)):
        assert model(ITEMS, NOBODY, NOWHERE).pooled.isfinite().all()


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
