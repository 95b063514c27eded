"""What every sequence model takes and gives."""

from __future__ import annotations

from abc import ABC, abstractmethod

from jaxtyping import Bool, Float
from torch import Tensor, nn

from mmdx.batch import Features


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
