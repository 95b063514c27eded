"""Latents by row, and the loop that learns from them."""

from __future__ import annotations

import pytest
import torch

from mmdx.engine.experiments.guidance.latents import Latents, fit_on_latents
from mmdx.errors import DataError
from mmdx.schema import GuidanceConfig

OPTIONS = GuidanceConfig(superior=("a",), inferior=("b",), epochs=150, lr=0.003, dropout=0.0)


def test_latents_come_in_the_order_asked_for():
    latents = Latents((7, 3, 5), torch.tensor([[7.0], [3.0], [5.0]]), torch.zeros(3, 1), {})
    assert latents.of([5, 7]).tolist() == [[5.0], [7.0]]
    with pytest.raises(KeyError):
        latents.of([4])


def test_the_best_epoch_is_kept_and_patience_ends_the_rest():
    """The weight grows by about its rate an epoch; the measure is best when it first passes 0.05."""
    part = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.zeros_(part.weight)
    options = OPTIONS.model_copy(update={"lr": 0.01, "patience": 3, "epochs": 50, "studies": 4})
    lines = fit_on_latents(
        part, lambda rows: -part.weight.sum(), lambda: abs(part.weight.item() - 0.05), count=4, options=options, seed=0
    )
    assert part.weight.item() == pytest.approx(0.05, abs=0.005)
    assert len(lines) == 5 + 3


def test_a_loss_that_is_never_finite_is_refused():
    part = torch.nn.Linear(1, 1)
    with pytest.raises(DataError, match="no finite validation loss"):
        fit_on_latents(part, lambda rows: part.weight.sum(), lambda: float("nan"), count=4, options=OPTIONS, seed=0)
