"""Fusions that look at the items of each modality, not only at its pooled vector.

Each modality is a row of tokens as wide as the fusion: its pooled vector first, or the stand-in for it, then its items.
So no row is ever empty, and a study that lacks a modality has one learned token for it.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from mmdx.batch import Features
from mmdx.errors import UsageError
from mmdx.models.fusion.pooled import Fusion
from mmdx.registry import FUSIONS


class Tokens(nn.Module):
    """One modality as tokens `[b 1+s d]`, and which of them are real: pooled always, an item where it is."""

    def __init__(self, items: int, dim: int) -> None:
        super().__init__()
        self.project = nn.Sequential(nn.Linear(items, dim), nn.LayerNorm(dim))

    def forward(self, features: Features) -> tuple[Float[Tensor, "b t d"], Bool[Tensor, "b t"]]:
        items = self.project(features.items)
        tokens = torch.cat([features.pooled.to(items.dtype).unsqueeze(1), items], dim=1)
        return tokens, F.pad(features.mask, (1, 0), value=True)


@FUSIONS("cross_attention")
class CrossAttention(Fusion):
    """The pooled vector of each modality asks the items of all others, by attention of `heads` heads.

    What it finds is added to it, and all of them go side by side through a hidden layer. There is one question per
    modality, so memory grows with the number of items, not with its square. An absent modality has its stand-in to ask
    with and to be asked; a lone one asks its own items.
    """

    def __init__(self, modalities: Mapping[str, int], dim: int, *, heads: int = 4, dropout: float = 0.1) -> None:
        super().__init__()
        _check_heads("cross_attention", dim, heads)
        self.tokens = nn.ModuleList([Tokens(items, dim) for items in modalities.values()])
        self.kinds = nn.Parameter(torch.randn(len(modalities), dim) * dim**-0.5)
        self.ask = nn.Linear(dim, dim)
        # No bias: it would move all scores of a question alike, which a softmax cannot see.
        self.keys = nn.Linear(dim, dim, bias=False)
        self.values = nn.Linear(dim, dim)
        self.found = nn.Linear(dim, dim)
        self.norm = nn.LayerNorm(dim)
        self.join = nn.Sequential(
            nn.Linear(len(modalities) * dim, dim), nn.GELU(), nn.Dropout(dropout), nn.Linear(dim, dim)
        )
        self.heads = heads

    def forward(self, features: Mapping[str, Features]) -> Float[Tensor, "b d"]:
        rows = [tokens(encoded) for tokens, encoded in zip(self.tokens, features.values(), strict=True)]
        pooled = torch.stack([row[:, 0] for row, _ in rows], dim=1)
        items = torch.cat([row + kind for (row, _), kind in zip(rows, self.kinds, strict=True)], dim=1)
        lengths = [row.shape[1] for row, _ in rows]
        mask = torch.cat([real for _, real in rows], dim=1)
        visible = mask.unsqueeze(1) & others(lengths, mask.device)
        queries, keys, values = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for part in (self.ask(pooled + self.kinds), self.keys(items), self.values(items))
        )
        answer = F.scaled_dot_product_attention(queries, keys, values, attn_mask=visible.unsqueeze(1))
        return self.join(self.norm(pooled + self.found(answer.transpose(1, 2).flatten(2))).flatten(1))


@FUSIONS("bottleneck")
class Bottleneck(Fusion):
    """Attention bottlenecks (Nagrani et al. 2021, MBT): modalities exchange through a few tokens, and by no other way.

    In each of `layers` layers a modality's tokens and the `tokens` bottlenecks attend to each other by that modality's
    own transformer layer; the bottlenecks are then averaged over modalities. The answer is the mean of the modalities'
    first tokens. An absent modality takes part with its stand-in alone.
    """

    def __init__(
        self,
        modalities: Mapping[str, int],
        dim: int,
        *,
        tokens: int = 4,
        layers: int = 2,
        heads: int = 4,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        _check_heads("bottleneck", dim, heads)
        if tokens < 1 or layers < 2:
            raise UsageError(
                f"fusion bottleneck: {tokens} tokens and {layers} layers let nothing cross; give at least 1 and 2"
            )
        self.tokens = nn.ModuleList([Tokens(items, dim) for items in modalities.values()])
        self.bottlenecks = nn.Parameter(torch.randn(tokens, dim) * 0.02)
        self.layers = nn.ModuleList(
            nn.ModuleList(
                nn.TransformerEncoderLayer(
                    dim, heads, 4 * dim, dropout, activation="gelu", batch_first=True, norm_first=True
                )
                for _ in modalities
            )
            for _ in range(layers)
        )
        self.norm = nn.LayerNorm(dim)

    def forward(self, features: Mapping[str, Features]) -> Float[Tensor, "b d"]:
        pairs = [tokens(encoded) for tokens, encoded in zip(self.tokens, features.values(), strict=True)]
        rows, count = [row for row, _ in pairs], len(self.bottlenecks)
        hidden = [F.pad(~real, (count, 0), value=False) for _, real in pairs]
        shared = self.bottlenecks.to(rows[0].dtype).expand(len(rows[0]), -1, -1)
        for layer in self.layers:
            both = [
                attend(torch.cat([shared, row], dim=1), src_key_padding_mask=unseen)
                for attend, row, unseen in zip(layer, rows, hidden, strict=True)  # pyright: ignore[reportArgumentType]
            ]
            shared = torch.stack([out[:, :count] for out in both]).mean(dim=0)
            rows = [out[:, count:] for out in both]
        return self.norm(torch.stack([row[:, 0] for row in rows]).mean(dim=0))


def others(lengths: list[int], device: torch.device) -> Bool[Tensor, "m t"]:
    """Which of all tokens, laid side by side, are of another modality than m; all of them where there is only one."""
    owner = torch.cat([torch.full((length,), place, device=device) for place, length in enumerate(lengths)])
    return (owner != torch.arange(len(lengths), device=device).unsqueeze(1)) | (len(lengths) == 1)


def _check_heads(name: str, dim: int, heads: int) -> None:
    if heads < 1 or dim % heads:
        raise UsageError(f"fusion {name}: {heads} heads do not divide the width {dim}; change heads or model.dim")
