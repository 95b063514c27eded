"""Descriptors: an encoder brings each, as another model left it, to a width of our own."""

from __future__ import annotations

from abc import ABC, abstractmethod

from jaxtyping import Float
from torch import Tensor, nn

from mmdx.registry import VECTOR_ENCODERS


class VectorEncoder(nn.Module, ABC):
    """Descriptors `[n d]` to vectors `[n e]`, e being `dim`, each descriptor by itself."""

    dim: int

    @abstractmethod
    def forward(self, descriptors: Float[Tensor, "n d"]) -> Float[Tensor, "n e"]: ...


@VECTOR_ENCODERS("plain")
class Plain(VectorEncoder):
    """Descriptors as they are."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.dim = width

    def forward(self, descriptors: Float[Tensor, "n d"]) -> Float[Tensor, "n e"]:
        return descriptors


@VECTOR_ENCODERS("mlp")
class Mlp(VectorEncoder):
    """Layer norm, which takes descriptors of any scale, and one hidden layer."""

    def __init__(self, width: int, *, hidden: int = 128, dropout: float = 0.1) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, hidden), nn.GELU(), nn.Dropout(dropout))
        self.dim = hidden

    def forward(self, descriptors: Float[Tensor, "n d"]) -> Float[Tensor, "n e"]:
        return self.layers(descriptors)
