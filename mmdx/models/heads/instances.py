"""Instance poolings: the answers to the items of a study become one answer to the study, finding by finding.

Multiple-instance learning by instances: a layer answers for each slice, and what is learned comes from studies alone.
Logits go in and come out, in float32; items behind a study's last count nothing, and neither does a study without any.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Annotated, ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from pydantic import Field
from torch import Tensor, nn

from mmdx.models.packing import masked_max, masked_softmax
from mmdx.registry import INSTANCE_POOLINGS

Positive = Annotated[float, Field(gt=0)]
FEW = 1e-4
"""Below this sum of -log(1 - p), the chance that any item shows a finding is that sum, to float32."""


class InstancePooling(nn.Module, ABC):
    """Logits `[b s f]` of items `[b s d]` become those of their studies `[b f]`: 0 for a study that has no item.

    `width` is d, `findings` f. `start` is where the logit of an item starts, of which all answer alike before training.
    """

    start: ClassVar[float] = 0.0

    def __init__(self, width: int, findings: int) -> None:
        super().__init__()

    @abstractmethod
    def forward(
        self, logits: Float[Tensor, "b s f"], items: Float[Tensor, "b s d"], mask: Bool[Tensor, "b s"]
    ) -> Float[Tensor, "b f"]: ...

    def ranks(
        self, logits: Float[Tensor, "b s f"], items: Float[Tensor, "b s d"], mask: Bool[Tensor, "b s"]
    ) -> Float[Tensor, "b s f"]:
        """What says which items the answer stands on, the largest first: their own answers, if nothing else does."""
        return logits


@INSTANCE_POOLINGS("max")
class MaxPooling(InstancePooling):
    """The largest answer: a study is as its most suspicious slice."""

    def forward(
        self, logits: Float[Tensor, "b s f"], items: Float[Tensor, "b s d"], mask: Bool[Tensor, "b s"]
    ) -> Float[Tensor, "b f"]:
        return masked_max(logits, mask)


@INSTANCE_POOLINGS("top_k")
class TopK(InstancePooling):
    """The mean of the largest answers: the share `share` of the items, rounded up, or `count` of them.

    1 of `share` is the mean of all answers, 1 of `count` the largest. A study with fewer items than `count` counts all.
    """

    def __init__(
        self,
        width: int,
        findings: int,
        *,
        share: Annotated[float, Field(gt=0, le=1)] = 0.2,
        count: Annotated[int, Field(ge=1)] | None = None,
    ) -> None:
        super().__init__(width, findings)
        self.share, self.count = share, count

    def forward(
        self, logits: Float[Tensor, "b s f"], items: Float[Tensor, "b s d"], mask: Bool[Tensor, "b s"]
    ) -> Float[Tensor, "b f"]:
        lengths = mask.sum(dim=1)
        most = torch.ceil(lengths * self.share).long() if self.count is None else lengths.clamp(max=self.count)
        hidden = ~mask.unsqueeze(-1)
        largest = logits.float().masked_fill(hidden, torch.finfo(torch.float32).min).sort(dim=1, descending=True).values
        counted = torch.arange(mask.shape[1], device=mask.device) < most[:, None]
        total = largest.masked_fill(~counted.unsqueeze(-1), 0.0).sum(dim=1)
        return total / most.clamp(min=1).unsqueeze(-1)


@INSTANCE_POOLINGS("noisy_or")
class NoisyOr(InstancePooling):
    """The chance that any item shows the finding, were they independent: 1 - prod(1 - p) (Maron & Lozano-Perez 1997).

    In logarithms: with L the sum of -log(1 - p) over the items, the logit is log(exp(L) - 1). An item starts at a
    chance of .02, so that a study of some tens of items starts near a half and not at certainty.
    """

    start = -4.0

    def forward(
        self, logits: Float[Tensor, "b s f"], items: Float[Tensor, "b s d"], mask: Bool[Tensor, "b s"]
    ) -> Float[Tensor, "b f"]:
        hidden, logits = ~mask.unsqueeze(-1), logits.float()
        total = F.softplus(logits).masked_fill(hidden, 0.0).sum(dim=1)
        # Where all chances are tiny, softplus(z) is exp(z), and the logarithm of their sum does not underflow.
        small = _log_sum_exp(logits, mask)
        large = total.clamp(min=FEW)
        answer = torch.where(total < FEW, small, large + torch.log(-torch.expm1(-large)))
        return torch.where(mask.any(dim=1, keepdim=True), answer, 0.0)


@INSTANCE_POOLINGS("log_sum_exp")
class LogSumExp(InstancePooling):
    """A soft maximum, log(mean(exp(r z))) / r (Pinheiro & Collobert 2015): the mean for small r, else the maximum.

    `sharpness` is where r starts; each finding learns its own, or with `learned: false` keeps it.
    """

    def __init__(self, width: int, findings: int, *, sharpness: Positive = 1.0, learned: bool = True) -> None:
        super().__init__(width, findings)
        self.log_sharpness = nn.Parameter(torch.full((findings,), math.log(sharpness)), requires_grad=learned)

    def forward(
        self, logits: Float[Tensor, "b s f"], items: Float[Tensor, "b s d"], mask: Bool[Tensor, "b s"]
    ) -> Float[Tensor, "b f"]:
        sharpness = self.log_sharpness.exp()
        count = mask.sum(dim=1, keepdim=True).clamp(min=1)
        answer = (_log_sum_exp(sharpness * logits.float(), mask) - count.log()) / sharpness
        return torch.where(mask.any(dim=1, keepdim=True), answer, 0.0)


@INSTANCE_POOLINGS("attention")
class AttentionPooling(InstancePooling):
    """The mean of the answers, weighed by a gated attention per finding (Ilse et al. 2018; by class: Lu et al. 2021).

    As answers are linear in the items, it is the answer to each finding's own attended vector. `dropout` is of the
    gated layer, `hidden` wide, that all findings share.
    """

    def __init__(
        self,
        width: int,
        findings: int,
        *,
        hidden: Annotated[int, Field(ge=1)] = 64,
        dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0,
    ) -> None:
        super().__init__(width, findings)
        self.content, self.gate = nn.Linear(width, hidden), nn.Linear(width, hidden)
        # No bias: it would move all scores of a study alike, which a softmax cannot see.
        self.score = nn.Linear(hidden, findings, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, logits: Float[Tensor, "b s f"], items: Float[Tensor, "b s d"], mask: Bool[Tensor, "b s"]
    ) -> Float[Tensor, "b f"]:
        return (self.ranks(logits, items, mask) * logits.float().masked_fill(~mask.unsqueeze(-1), 0.0)).sum(dim=1)

    def ranks(
        self, logits: Float[Tensor, "b s f"], items: Float[Tensor, "b s d"], mask: Bool[Tensor, "b s"]
    ) -> Float[Tensor, "b s f"]:
        """The weights, which sum to 1 over the items of a study."""
        scores = self.score(self.dropout(self.content(items).tanh() * self.gate(items).sigmoid()))
        return torch.stack([masked_softmax(column, mask) for column in scores.unbind(dim=-1)], dim=-1)


def _log_sum_exp(values: Float[Tensor, "b s f"], mask: Bool[Tensor, "b s"]) -> Float[Tensor, "b f"]:
    """Over real items; finite, but nothing to use, for a study that has none."""
    # Not -inf: of a study with nothing else it would be, and its gradient NaN.
    return values.masked_fill(~mask.unsqueeze(-1), torch.finfo(values.dtype).min).logsumexp(dim=1)
