"""Recurrent networks step by step say what torch's own say."""

from __future__ import annotations

import pytest
import torch
from lone_models import by_hand
from torch import nn

from mmdx.models.packing import one_study
from mmdx.models.sequence import stepwise
from mmdx.models.sequence.recurrent import run_recurrent


@pytest.mark.parametrize("cell", [nn.LSTM, nn.GRU])
@pytest.mark.parametrize(
    "options", [{}, {"bidirectional": True}, {"bidirectional": True, "num_layers": 2}, {"bias": False}]
)
def test_all_networks_and_lengths(cell, options, monkeypatch):
    monkeypatch.setattr(stepwise, "scan", by_hand)
    torch.manual_seed(0)
    network = cell(4, 3, batch_first=True, **options).eval()
    items = torch.randn(3, 5, 4)
    mask = torch.arange(5) < torch.tensor([5, 2, 1])[:, None]
    expected, last = run_recurrent(network, items, mask)
    with one_study(), torch.no_grad():
        outputs, final = run_recurrent(network, items, mask)
    assert torch.allclose(outputs, expected, atol=1e-6)
    assert torch.allclose(final, last, atol=1e-6)
