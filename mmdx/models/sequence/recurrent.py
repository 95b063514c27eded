"""Recurrent networks over the items of a study in order."""

from __future__ import annotations

from abc import ABC
from typing import ClassVar, Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from mmdx.batch import Features
from mmdx.models.packing import is_lone, masked_max
from mmdx.models.sequence.base import SequenceModel
from mmdx.models.sequence.stepwise import run_stepwise
from mmdx.registry import SEQUENCES


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


def run_recurrent(
    network: nn.LSTM | nn.GRU, items: Float[Tensor, "b s d"], mask: Bool[Tensor, "b s"]
) -> tuple[Float[Tensor, "b s e"], Float[Tensor, "b e"]]:
    """Outputs at each item, and the output after the last real one (both directions side by side)."""
    if is_lone():
        return run_stepwise(network, items, mask)
    lengths = mask.sum(dim=1).clamp(min=1).cpu()
    packed = pack_padded_sequence(items, lengths, batch_first=True, enforce_sorted=False)
    outputs, state = network(packed)
    # An LSTM's state is a pair, the hidden state and the cell state; a GRU has the first alone.
    hidden = state[0] if isinstance(network, nn.LSTM) else state
    padded, _ = pad_packed_sequence(outputs, batch_first=True, total_length=items.shape[1])
    return padded, torch.cat([hidden[-2], hidden[-1]], dim=-1) if network.bidirectional else hidden[-1]
