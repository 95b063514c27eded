"""The optimizer's groups and its learning rate, against values written down by hand."""

from __future__ import annotations

import pytest
from torch import nn

from mmdx.engine.training.optimizer import learning_rate, make_optimizer
from mmdx.sections import TrainConfig


def test_learning_rate_climbs_then_falls_to_zero():
    schedule = TrainConfig(lr=2.0, warmup=0.5)
    rates = [learning_rate(schedule, done) for done in (0.0, 0.25, 0.5, 0.75, 1.0)]
    assert rates == pytest.approx([0.0, 1.0, 2.0, 1.0, 0.0])


def test_matrices_decay_and_biases_and_norms_do_not():
    model = nn.Sequential(nn.Linear(3, 2), nn.LayerNorm(2))
    first, second = make_optimizer(model, TrainConfig(weight_decay=0.25)).param_groups
    assert [parameter.shape for parameter in first["params"]] == [(2, 3)]
    assert [parameter.shape for parameter in second["params"]] == [(2,), (2,), (2,)]
    assert (first["weight_decay"], second["weight_decay"]) == (0.25, 0.0)
