"""Modalities that learn at different speeds."""

from __future__ import annotations

import pytest
import torch

from mmdx.batch import Features
from mmdx.models.balance import damped, speed_factors


def test_the_modality_that_is_ahead_learns_less_and_the_other_as_before():
    given = {"image": torch.tensor([[0.5], [0.5]]), "report": torch.tensor([[0.75], [0.25]])}
    labels = dict.fromkeys(given, torch.tensor([[1.0], [0.0]]))
    factors = speed_factors(given, labels, 1.0)
    assert factors["image"].item() == 1
    assert factors["report"].item() == pytest.approx(1 - torch.tanh(torch.tensor(0.5)).item())


def test_unknown_labels_and_modalities_that_no_study_has_are_not_compared():
    given = {"image": torch.tensor([[0.9]]), "report": torch.tensor([[0.1]])}
    labels = {"image": torch.tensor([[1.0]]), "report": torch.tensor([[float("nan")]])}
    assert [factor.item() for factor in speed_factors(given, labels, 1.0).values()] == [1.0, 1.0]


def test_damping_changes_the_gradient_and_nothing_else():
    pooled = torch.tensor([[2.0]], requires_grad=True)
    features = {"image": Features(torch.zeros(1, 1, 1), torch.ones(1, 1, dtype=torch.bool), pooled)}
    result = damped(features, {"image": torch.tensor(0.25)})["image"].pooled
    assert result.item() == 2
    result.sum().backward()
    assert pooled.grad is not None
    assert pooled.grad.item() == 0.25
