"""A plugin with the quickest image encoder that has something to learn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mmdx.models.image import ImageEncoder
from mmdx.registry import IMAGE_ENCODERS


@IMAGE_ENCODERS("test_patches")
class Patches(ImageEncoder):
    """A linear look at patches of 8 pixels: the quickest encoder that can learn."""

    def __init__(self, channels: int, architecture: Mapping[str, Any] | None) -> None:
        super().__init__()
        self.look = nn.Conv2d(channels, 6, 8, stride=8)
        self.dim = 6
        self.architecture = {}
        self.maps = (6,)

    def forward(self, images: Float[Tensor, "n k h w"]) -> Float[Tensor, "n d"]:
        return self.with_maps(images, 1)[0]

    def with_maps(
        self, images: Float[Tensor, "n k h w"], count: int
    ) -> tuple[Float[Tensor, "n d"], tuple[Float[Tensor, "n _ _ _"], ...]]:
        seen = self.look(images).tanh()
        return seen.mean(dim=(2, 3)), (seen,)


@IMAGE_ENCODERS("test_frozen_patches")
class FrozenPatches(Patches):
    """The same look, which no training changes; `seed` draws its weights."""

    def __init__(self, channels: int, architecture: Mapping[str, Any] | None, *, seed: int = 0) -> None:
        super().__init__(channels, architecture)
        drawn = torch.Generator().manual_seed(seed)
        for weights in self.look.parameters():
            weights.data = torch.randn(weights.shape, generator=drawn) / 8
        self.requires_grad_(False)

    def train(self, mode: bool = True) -> FrozenPatches:
        return super().train(False)
