"""Any number of items become one representation: masked, so that padding and the rest of the batch do not matter."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from mmdx.batch import Features
from mmdx.errors import UsageError
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


class Recurrent(SequenceModel, ABC):
    """A recurrent network over the items in order; `bidirectional`: both ways.

    `answer` is taken after the `last` item (each direction's own last), or as the `max` over all outputs, by which a
    finding on one slice need not be remembered to the end.
    """

    minds_order = True
    cell: ClassVar[type[nn.LSTM | nn.GRU]]

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
        self.network = self.cell(width, hidden, layers, batch_first=True, bidirectional=bidirectional, dropout=between)
        self.dropout = nn.Dropout(dropout)
        self.answer = answer
        self.dim = self.item_dim = hidden * (2 if bidirectional else 1)

    def forward(
        self, items: Float[Tensor, "b s d"], mask: Bool[Tensor, "b s"], places: Float[Tensor, "b s"]
    ) -> Features:
        outputs, last = run_recurrent(self.network, items, mask)
        pooled = last if self.answer == "last" else masked_max(outputs, mask)
        return Features(items=self.dropout(outputs), mask=mask, pooled=self.dropout(pooled))


@SEQUENCES("lstm")
class Lstm(Recurrent):
    """An LSTM over the items in order (Leal et al. 2020)."""

    cell = nn.LSTM


@SEQUENCES("gru")
class Gru(Recurrent):
    """A GRU over the items in order: the LSTM's options with three quarters of its weights (Cho et al. 2014)."""

    cell = nn.GRU


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

    `heads` attentions look at the same items, each with weights of its own, and `pooled` holds their answers side by
    side: with one a finding, each can look for its own slices (class-wise attention; CLAM, Lu et al. 2021). `weights`
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
        weights = torch.stack([masked_softmax(one, mask) for one in scores.unbind(dim=-1)], dim=1)
        pooled = weights.to(items.dtype) @ items
        return Features(items=items, mask=mask, pooled=pooled.flatten(1), weights=weights.mean(dim=1))


def masked_max(items: Float[Tensor, "b s d"], mask: Bool[Tensor, "b s"]) -> Float[Tensor, "b d"]:
    """The maximum over real items, feature by feature; 0 for a study that has none."""
    largest = items.masked_fill(~mask.unsqueeze(-1), torch.finfo(items.dtype).min).amax(dim=1)
    return torch.where(mask.any(dim=1, keepdim=True), largest, 0.0)


def run_recurrent(
    network: nn.LSTM | nn.GRU, items: Float[Tensor, "b s d"], mask: Bool[Tensor, "b s"]
) -> tuple[Float[Tensor, "b s e"], Float[Tensor, "b e"]]:
    """Outputs at each item, and the output after the last real one (both directions side by side)."""
    lengths = mask.sum(dim=1).clamp(min=1).cpu()
    packed = pack_padded_sequence(items, lengths, batch_first=True, enforce_sorted=False)
    outputs, state = network(packed)
    # An LSTM's state is a pair: what it says, and what it keeps to itself.
    said = state[0] if isinstance(network, nn.LSTM) else state
    padded, _ = pad_packed_sequence(outputs, batch_first=True, total_length=items.shape[1])
    return padded, torch.cat([said[-2], said[-1]], dim=-1) if network.bidirectional else said[-1]
