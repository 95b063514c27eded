"""Each item with its neighbours: a window that slides over the study."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from mmdx.batch import Features
from mmdx.errors import UsageError
from mmdx.models.packing import masked_max
from mmdx.models.sequence.base import SequenceModel
from mmdx.registry import SEQUENCES


@SEQUENCES("adjacent")
class Adjacent(SequenceModel):
    """Each item with the `reach` items on either side, side by side through one layer (Ngo et al. 2022).

    At the edges a neighbour that the study does not have is a vector of zeros; a further channel, 1 at real items,
    tells it from a real one. That layer is a convolution over the items, of 2 * `reach` + 1 taps, with a ReLU. The
    study's answer is the maximum over its items, feature by feature.
    """

    minds_order = True

    def __init__(self, width: int, *, reach: int = 2, hidden: int = 128, dropout: float = 0.0) -> None:
        super().__init__()
        if reach < 0:
            raise UsageError(f"sequence adjacent: reach is {reach}; give 0 (no neighbour) or more")
        self.window = nn.Conv1d(width + 1, hidden, 2 * reach + 1, padding=reach)
        self.dropout = nn.Dropout(dropout)
        self.dim = self.item_dim = hidden

    def forward(
        self, items: Float[Tensor, "b s d"], mask: Bool[Tensor, "b s"], places: Float[Tensor, "b s"]
    ) -> Features:
        real = mask.unsqueeze(-1)
        channels = torch.cat([items.masked_fill(~real, 0.0), real.to(items.dtype)], dim=-1)
        outputs = self.window(channels.transpose(1, 2)).relu().transpose(1, 2)
        return Features(items=self.dropout(outputs), mask=mask, pooled=self.dropout(masked_max(outputs, mask)))
