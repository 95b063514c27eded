"""What every head keeps: its loss by hand, and prevalence that was never counted."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest
import torch
from jaxtyping import Float
from torch import Tensor

from mmdx.batch import Batch, Features
from mmdx.models.heads.base import Findings, FindingsHead, Head
from mmdx.models.losses import Focal


class Constant(Head):
    """Says 0 of every study and finding."""

    level = "study"
    modality = None
    weight = 1.0

    def forward(
        self, encoded: Mapping[str, Features], fused: Float[Tensor, "b d"], batch: Batch
    ) -> Float[Tensor, "k f"]:
        return torch.zeros_like(batch.labels)

    def targets(self, batch: Batch) -> Float[Tensor, "k f"]:
        return batch.labels


class FocalConstant(FindingsHead):
    """The same, trained by another loss."""

    level = "study"
    modality = None
    weight = 1.0

    def __init__(self) -> None:
        super().__init__()
        self.criterion = Focal(("bleed", "fracture"), (0.5, 0.5), gamma=2.0)

    def forward(
        self, encoded: Mapping[str, Features], fused: Float[Tensor, "b d"], batch: Batch
    ) -> Float[Tensor, "k f"]:
        return torch.zeros_like(batch.labels)

    def targets(self, batch: Batch) -> Float[Tensor, "k f"]:
        return batch.labels


def batch_of(*labels: list[float]) -> Batch:
    names = [f"s{index}" for index in range(len(labels))]
    return Batch(names, names, {}, torch.tensor(labels), {})


def test_a_logit_of_0_costs_log_2_per_known_label() -> None:
    batch = batch_of([1.0, math.nan], [0.0, 1.0])
    logits = Constant()({}, torch.zeros(2, 3), batch)
    assert Constant().loss(logits, batch).item() == pytest.approx(math.log(2))
    assert Constant().probabilities(logits).tolist() == [[0.5, 0.5], [0.5, 0.5]]


def test_no_known_label_costs_nothing_and_keeps_the_graph() -> None:
    batch, logits = batch_of([math.nan, math.nan]), torch.ones(1, 2, requires_grad=True)
    loss = Constant().loss(logits, batch)
    loss.backward()
    assert loss.item() == 0
    assert logits.grad is not None
    assert logits.grad.tolist() == [[0.0, 0.0]]


def test_a_head_of_findings_is_trained_by_its_criterion() -> None:
    """A focal loss of gamma 2 at 0.5 is a quarter of the cross-entropy."""
    batch = batch_of([1.0, 0.0])
    logits = FocalConstant()({}, torch.zeros(1, 3), batch)
    assert FocalConstant().loss(logits, batch).item() == pytest.approx(math.log(2) / 4)


def test_a_share_that_was_never_counted_is_unknown() -> None:
    findings = Findings(("bleed", "fracture"), prevalence={"study": (0.25, 0.5)})
    assert findings.share("study") == (0.25, 0.5)
    assert [math.isnan(share) for share in findings.share("ct")] == [True, True]
