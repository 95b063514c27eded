"""Any number of items become one representation: masked, so that padding and the rest of the batch do not matter."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from mmdx.batch import Features
from mmdx.models.packing import masked_softmax
from mmdx.registry import SEQUENCES


class SequenceModel(nn.Module, ABC):
    """Items `[b s d]` with their mask to `Features`: `item_dim` wide items, `dim` wide pooled.

    `places` says where each item stands, in mm from its study's first along the normal, NaN where that is not known.
    Rows without any item give finite values that the stand-ins replace. `minds_order` says whether the answer depends
    on the order of the items.
    """

    dim: int
    item_dim: int
    minds_order: bool

    @abstractmethod
    def forward(
        self, items: Float[Tensor, "b s d"], mask: Bool[Tensor, "b s"], places: Float[Tensor, "b s"]
    ) -> Features: ...


@SEQUENCES("lstm")
class Lstm(SequenceModel):
    """An LSTM over the items in order (Leal et al. 2020); `bidirectional`: both ways.

    `answer` is taken after the `last` item (each direction's own last), or as the `max` over all outputs, by which a
    finding on one slice need not be remembered to the end.
    """

    minds_order = True

    def __init__(
        self,
        width: int,
        *,
        hidden: int = 128,
        layers: int = 1,
        bidirectional: bool = False,
        answer: Literal["last", "max"] = "last",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        between = dropout if layers > 1 else 0.0
        self.lstm = nn.LSTM(width, hidden, layers, batch_first=True, bidirectional=bidirectional, dropout=between)
        self.dropout = nn.Dropout(dropout)
        self.answer = answer
        self.dim = self.item_dim = hidden * (2 if bidirectional else 1)

    def forward(
        self, items: Float[Tensor, "b s d"], mask: Bool[Tensor, "b s"], places: Float[Tensor, "b s"]
    ) -> Features:
        outputs, last = run_lstm(self.lstm, items, mask)
        pooled = last if self.answer == "last" else masked_max(outputs, mask)
        return Features(items=self.dropout(outputs), mask=mask, pooled=self.dropout(pooled))


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
    """Gated attention over the items as a set (Ilse et al. 2018, attention-based multiple instance learning)."""

    minds_order = False

    def __init__(self, width: int, *, hidden: int = 128, dropout: float = 0.0) -> None:
        super().__init__()
        self.content = nn.Linear(width, hidden)
        self.gate = nn.Linear(width, hidden)
        # No bias: it would move all scores of a study alike, which a softmax cannot see.
        self.score = nn.Linear(hidden, 1, bias=False)
        self.dropout = nn.Dropout(dropout)
        self.dim = self.item_dim = width

    def forward(
        self, items: Float[Tensor, "b s d"], mask: Bool[Tensor, "b s"], places: Float[Tensor, "b s"]
    ) -> Features:
        scores = self.score(self.dropout(self.content(items).tanh() * self.gate(items).sigmoid())).squeeze(-1)
        weights = masked_softmax(scores, mask)
        pooled = (items * weights.to(items.dtype).unsqueeze(-1)).sum(dim=1)
        return Features(items=items, mask=mask, pooled=pooled, weights=weights)


def masked_max(items: Float[Tensor, "b s d"], mask: Bool[Tensor, "b s"]) -> Float[Tensor, "b d"]:
    """The maximum over real items, feature by feature; 0 for a study that has none."""
    largest = items.masked_fill(~mask.unsqueeze(-1), torch.finfo(items.dtype).min).amax(dim=1)
    return torch.where(mask.any(dim=1, keepdim=True), largest, 0.0)


def run_lstm(
    lstm: nn.LSTM, items: Float[Tensor, "b s d"], mask: Bool[Tensor, "b s"]
) -> tuple[Float[Tensor, "b s e"], Float[Tensor, "b e"]]:
    """Outputs at each item, and the state after the last real one (both directions side by side)."""
    lengths = mask.sum(dim=1).clamp(min=1).cpu()
    packed = pack_padded_sequence(items, lengths, batch_first=True, enforce_sorted=False)
    outputs, (state, _) = lstm(packed)
    padded, _ = pad_packed_sequence(outputs, batch_first=True, total_length=items.shape[1])
    return padded, torch.cat([state[-2], state[-1]], dim=-1) if lstm.bidirectional else state[-1]
