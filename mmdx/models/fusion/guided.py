"""Guidance: what a superior modality would have said, guessed from an inferior one that is there."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mmdx.batch import Features
from mmdx.models.fusion.pooled import Fusion
from mmdx.registry import FUSIONS
from mmdx.schema import Component

CONCAT = Component(type="concat")


class Guide(nn.Module):
    """The latent of the inferior modalities to that of the superior ones, both `[b d]` (Mallya and Hamarneh 2022).

    A bottleneck of widths d, d/2, d/4, d/4, d/2, d, between a standardised latent and one that is scaled back: while
    its last layer says 0, the answer is the mean latent of training, which is the trivial one.
    """

    center: Tensor
    scale: Tensor
    answer: Tensor
    spread: Tensor

    def __init__(self, dim: int, *, dropout: float) -> None:
        super().__init__()
        widths = [dim, *(max(dim // share, 1) for share in (2, 4, 4, 2))]
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [nn.Linear(before, after), nn.GELU(), nn.Dropout(dropout)]
        self.layers = nn.Sequential(*layers, nn.Linear(widths[-1], dim))
        self.register_buffer("center", torch.zeros(dim))
        self.register_buffer("scale", torch.ones(dim))
        self.register_buffer("answer", torch.zeros(dim))
        self.register_buffer("spread", torch.ones(()))

    def forward(self, latent: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
        return self.answer + self.spread * self.layers((latent - self.center) / self.scale)

    def set_scales(self, inferior: Float[Tensor, "n d"], superior: Float[Tensor, "n d"]) -> None:
        """Means and spreads of the training latents. One spread for all of the answer, so that its squared error is
        that of the latents themselves, but for a factor."""
        self.center.copy_(inferior.mean(dim=0))
        self.scale.copy_(inferior.std(dim=0, correction=0).clamp(min=1e-6))
        self.answer.copy_(superior.mean(dim=0))
        self.spread.copy_((superior - superior.mean(dim=0)).square().mean().sqrt().clamp(min=1e-6))


@FUSIONS("guided")
class Guided(Fusion):
    """Fusion by `base`, then a guess of what superior modalities, which the model does not read, would have made of it.

    The guess stands alone, or with `own` beside the latent that it was made from. `mmdx train` on a config with a
    section `guidance` teaches it; trained from nothing it is a bottleneck and no more.
    """

    def __init__(
        self,
        modalities: Mapping[str, int],
        dim: int,
        *,
        base: Component = CONCAT,
        own: bool = False,
        dropout: float = 0.25,
    ) -> None:
        super().__init__()
        self.base: Fusion = FUSIONS.build(base, "model.fusion.base", modalities=modalities, dim=dim)
        self.guide = Guide(dim, dropout=dropout)
        self.join = nn.Sequential(nn.Linear(2 * dim, dim), nn.GELU(), nn.Dropout(dropout)) if own else None

    def forward(self, features: Mapping[str, Features]) -> Float[Tensor, "b d"]:
        latent = self.base(features)
        return self.joined(latent, self.guide(latent))

    def joined(self, latent: Float[Tensor, "b d"], guess: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
        """What the heads read: the guess, or both through a layer of their own."""
        return guess if self.join is None else self.join(torch.cat([latent, guess], dim=-1))
