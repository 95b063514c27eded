"""Descriptors: an encoder brings each, as another model left it, to a width of our own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Annotated, Literal

from jaxtyping import Float
from pydantic import Field
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
    """Layer norm, which takes descriptors of any scale, and one hidden layer.

    `norm: false` leaves the layer norm out, for descriptors whose scale tells something, such as principal components.
    `input_dropout` drops values of the descriptor before the hidden layer, `dropout` those that it gives.
    """

    def __init__(
        self,
        width: int,
        *,
        hidden: int = 128,
        norm: bool = True,
        activation: Literal["gelu", "relu"] = "gelu",
        input_dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        first = nn.LayerNorm(width) if norm else nn.Identity()
        bend = nn.GELU() if activation == "gelu" else nn.ReLU()
        self.thin = nn.Dropout(input_dropout)
        self.layers = nn.Sequential(first, nn.Linear(width, hidden), bend, nn.Dropout(dropout))
        self.dim = hidden

    def forward(self, descriptors: Float[Tensor, "n d"]) -> Float[Tensor, "n e"]:
        # Weights keep their names, `layers.0` and `layers.1`, whichever options are set: dropout has none.
        return self.layers[1:](self.thin(self.layers[0](descriptors)))
