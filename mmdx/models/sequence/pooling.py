"""The items of a study as a set: their mean, their maximum, or attention over them."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from mmdx.batch import Features
from mmdx.errors import UsageError
from mmdx.models.packing import masked_max, masked_softmax
from mmdx.models.sequence.base import SequenceModel
from mmdx.registry import SEQUENCES


@SEQUENCES("mean")
class Mean(SequenceModel):
    """The mean of the items: a set, order-free."""

    minds_order = False

    def __init__(self, width: int) -> None:
        super().__init__()
        self.dim = self.item_dim = width

    def forward(
        self, items: Float[Tensor, "b s d"], mask: Bool[Tensor, "b s"], places: Float[Tensor, "b s"]
    ) -> Features:
        weights = mask / mask.sum(dim=1, keepdim=True).clamp(min=1)
        pooled = (items * weights.to(items.dtype).unsqueeze(-1)).sum(dim=1)
        return Features(items=items, mask=mask, pooled=pooled, weights=weights)


@SEQUENCES("max")
class Max(SequenceModel):
    """The maximum over the items, feature by feature: a set, order-free."""

    minds_order = False

    def __init__(self, width: int) -> None:
        super().__init__()
        self.dim = self.item_dim = width

    def forward(
        self, items: Float[Tensor, "b s d"], mask: Bool[Tensor, "b s"], places: Float[Tensor, "b s"]
    ) -> Features:
        return Features(items=items, mask=mask, pooled=masked_max(items, mask))


@SEQUENCES("attention")
class Attention(SequenceModel):
    """Gated attention over the items as a set (Ilse et al. 2018, attention-based multiple instance learning).

    `heads` attentions look at the same items, each with its own weights, and `pooled` holds their answers side by side.
    With one head per finding, each can look for its own slices (class-wise attention; CLAM, Lu et al. 2021). `weights`
    are the mean over heads.
    """

    minds_order = False

    def __init__(self, width: int, *, hidden: int = 128, heads: int = 1, dropout: float = 0.0) -> None:
        super().__init__()
        if heads < 1:
            raise UsageError(f"sequence attention: heads is {heads}; give 1 or more")
        self.content = nn.Linear(width, hidden)
        self.gate = nn.Linear(width, hidden)
        # No bias: it would move all scores of a study alike, which a softmax cannot see.
        self.score = nn.Linear(hidden, heads, bias=False)
        self.dropout = nn.Dropout(dropout)
        self.item_dim, self.dim = width, width * heads

    def forward(
        self, items: Float[Tensor, "b s d"], mask: Bool[Tensor, "b s"], places: Float[Tensor, "b s"]
    ) -> Features:
        scores = self.score(self.dropout(self.content(items).tanh() * self.gate(items).sigmoid()))
        weights = torch.stack([masked_softmax(column, mask) for column in scores.unbind(dim=-1)], dim=1)
        pooled = weights.to(items.dtype) @ items
        return Features(items=items, mask=mask, pooled=pooled.flatten(1), weights=weights.mean(dim=1))
