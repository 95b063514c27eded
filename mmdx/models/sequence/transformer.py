"""Items that look at each other: a small transformer that knows where each stands."""

from __future__ import annotations

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from mmdx.batch import Features
from mmdx.errors import UsageError
from mmdx.models.sequence.base import SequenceModel
from mmdx.registry import SEQUENCES

NOMINAL_MM = 5.0
"""The step that an index stands for where no place is known: about that of a head CT."""
SHORTEST_MM, LONGEST_MM = 4.0, 1024.0
"""Wavelengths of positions: from below two thin slices to beyond any body part."""


@SEQUENCES("transformer")
class SliceTransformer(SequenceModel):
    """A transformer encoder over the items, answered by a learned query that stands before them (pre-norm).

    `hidden` is its width, to which items are projected; its feed-forward layers are twice as wide. Positions are
    sinusoids of mm from the first item, with wavelengths from 4 to 1024 mm and a learned scale. A study with any place
    unknown counts its items instead, 5 mm each, and a learned vector on all of them says so: an index is no distance.
    """

    minds_order = True

    def __init__(self, width: int, *, hidden: int = 128, layers: int = 2, heads: int = 4, dropout: float = 0.1) -> None:
        super().__init__()
        if heads < 1 or hidden % heads or hidden % 2:
            raise UsageError(
                f"sequence transformer: hidden {hidden} must be even and a multiple of heads {heads}; try "
                f"hidden {max(2, 2 * heads) * max(1, hidden // max(2, 2 * heads))}"
            )
        self.enter = nn.Linear(width, hidden)
        self.query = nn.Parameter(torch.randn(hidden) * 0.02)
        self.scale = nn.Parameter(torch.ones(1))
        self.by_index = nn.Parameter(torch.randn(hidden) * 0.02)
        layer = nn.TransformerEncoderLayer(
            hidden, heads, 2 * hidden, dropout, activation="gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, layers, norm=nn.LayerNorm(hidden), enable_nested_tensor=False)
        self.dim = self.item_dim = hidden

    def forward(
        self, items: Float[Tensor, "b s d"], mask: Bool[Tensor, "b s"], places: Float[Tensor, "b s"]
    ) -> Features:
        # Items behind a study's last may hold anything, and 0 * NaN is NaN: they are emptied, not only masked.
        real = self.enter(items.masked_fill(~mask.unsqueeze(-1), 0.0))
        real = real + self._positions(mask, places).to(real.dtype)
        query = self.query.to(real.dtype).expand(len(items), 1, -1)
        # The query is never masked, so that a study without any item has one key to attend to.
        hidden = torch.cat([torch.zeros_like(mask[:, :1]), ~mask], dim=1)
        outputs = self.layers(torch.cat([query, real], dim=1), src_key_padding_mask=hidden)
        return Features(items=outputs[:, 1:], mask=mask, pooled=outputs[:, 0])

    def _positions(self, mask: Bool[Tensor, "b s"], places: Float[Tensor, "b s"]) -> Float[Tensor, "b s e"]:
        placed = (places.isfinite() | ~mask).all(dim=1, keepdim=True)
        counted = torch.arange(mask.shape[1], device=mask.device) * NOMINAL_MM
        where = torch.where(placed & mask, places.float(), counted)
        waves = self.scale * sinusoids(where, len(self.by_index))
        return torch.where(placed.unsqueeze(-1), waves, waves + self.by_index)


def sinusoids(places: Float[Tensor, "b s"], width: int) -> Float[Tensor, "b s e"]:
    """Sines, then cosines, of places in mm, at `width / 2` wavelengths that grow geometrically (Vaswani et al. 2017).

    Float32 whatever the autocast: a wave of 4 mm at 200 mm leaves bf16 nothing.
    """
    octaves = torch.linspace(math.log(SHORTEST_MM), math.log(LONGEST_MM), width // 2, device=places.device)
    angles = places.unsqueeze(-1) * (2 * math.pi / octaves.exp())
    return torch.cat([angles.sin(), angles.cos()], dim=-1)
