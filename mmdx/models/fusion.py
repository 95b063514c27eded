"""Fusion: the modalities of a study, any of them a stand-in, become one vector."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mmdx.batch import Features
from mmdx.registry import FUSIONS


class Fusion(nn.Module, ABC):
    """`Features` of m modalities, in a fixed order, each with `pooled [b d]`, to `[b d]`.

    `modalities` gives the width of each one's items, by name, in that order. A study that is not shown a modality has
    a learned stand-in for `pooled`, and no item of it under `mask`.
    """

    @abstractmethod
    def forward(self, features: Mapping[str, Features]) -> Float[Tensor, "b d"]: ...


@FUSIONS("concat")
class Concat(Fusion):
    """Side by side through a hidden layer of width `hidden` (`dim` when None)."""

    def __init__(
        self, modalities: Mapping[str, int], dim: int, *, hidden: int | None = None, dropout: float = 0.1
    ) -> None:
        super().__init__()
        width = hidden or dim
        self.layers = nn.Sequential(
            nn.Linear(len(modalities) * dim, width), nn.GELU(), nn.Dropout(dropout), nn.Linear(width, dim)
        )

    def forward(self, features: Mapping[str, Features]) -> Float[Tensor, "b d"]:
        return self.layers(torch.cat([seen.pooled for seen in features.values()], dim=-1))


@FUSIONS("gated")
class Gated(Fusion):
    """Gated multimodal unit (Arevalo et al. 2017): every modality's tanh features, mixed by gates that see all of them.

    For more than two modalities the gates are a softmax over modalities, feature by feature.
    """

    def __init__(self, modalities: Mapping[str, int], dim: int, *, dropout: float = 0.1) -> None:
        super().__init__()
        self.content = nn.ModuleList([nn.Linear(dim, dim) for _ in modalities])
        self.gates = nn.Linear(len(modalities) * dim, len(modalities) * dim) if len(modalities) > 1 else None
        self.dropout = nn.Dropout(dropout)

    def forward(self, features: Mapping[str, Features]) -> Float[Tensor, "b d"]:
        pooled = [seen.pooled for seen in features.values()]
        content = torch.stack([layer(x).tanh() for layer, x in zip(self.content, pooled, strict=True)], dim=1)
        if self.gates is None:
            return self.dropout(content.squeeze(1))
        gates = self.gates(torch.cat(pooled, dim=-1)).reshape(content.shape).softmax(dim=1)
        return self.dropout((gates * content).sum(dim=1))
