"""Fusion: the modalities of a study, any of them a stand-in, become one vector.

Those that look at items are in `attention.py`; docs/methods/fusion.md says when to choose which.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mmdx.batch import Features
from mmdx.errors import UsageError, did_you_mean
from mmdx.models.packing import masked_softmax
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
        return self.layers(torch.cat([encoded.pooled for encoded in features.values()], dim=-1))


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
        pooled = [encoded.pooled for encoded in features.values()]
        content = torch.stack([layer(x).tanh() for layer, x in zip(self.content, pooled, strict=True)], dim=1)
        if self.gates is None:
            return self.dropout(content.squeeze(1))
        gates = self.gates(torch.cat(pooled, dim=-1)).reshape(content.shape).softmax(dim=1)
        return self.dropout((gates * content).sum(dim=1))


@FUSIONS("film")
class Film(Fusion):
    """Feature-wise linear modulation (Perez et al. 2018): one modality scales and shifts the features of the others.

    `by` is the one that modulates (None: the last of the config): it gives each other modality a scale 1 + g and a
    shift, feature by feature, and says nothing beside that. Where a study lacks it, its stand-in modulates, alike in
    all such studies; where a study lacks another, that one's stand-in is modulated. A lone modality is not modulated.
    """

    def __init__(self, modalities: Mapping[str, int], dim: int, *, by: str | None = None, dropout: float = 0.1) -> None:
        super().__init__()
        if by is not None and by not in modalities:
            raise UsageError(f"fusion film: by names '{by}'; {did_you_mean(by, modalities)}")
        self.by = by or list(modalities)[-1]
        self.modulated = [name for name in modalities if name != self.by] or [self.by]
        self.modulate = nn.Linear(dim, 2 * dim * len(self.modulated)) if len(modalities) > 1 else None
        self.join = nn.Sequential(nn.GELU(), nn.Dropout(dropout), nn.Linear(len(self.modulated) * dim, dim))

    def forward(self, features: Mapping[str, Features]) -> Float[Tensor, "b d"]:
        content = torch.cat([features[name].pooled for name in self.modulated], dim=-1)
        if self.modulate is not None:
            scale, shift = self.modulate(features[self.by].pooled).chunk(2, dim=-1)
            content = (1 + scale) * content + shift
        return self.join(content)


@FUSIONS("low_rank")
class LowRank(Fusion):
    """Low-rank multimodal fusion (Liu et al. 2018): the sum of `rank` products over all modalities.

    What a bilinear layer over the outer product of all modalities would say, each with a 1 appended to keep the terms
    of fewer modalities, from `rank` factors per modality and without that product.
    """

    def __init__(self, modalities: Mapping[str, int], dim: int, *, rank: int = 4, dropout: float = 0.1) -> None:
        super().__init__()
        if rank < 1:
            raise UsageError(f"fusion low_rank: rank is {rank}; give 1 or more")
        self.factors = nn.ModuleList([nn.Linear(dim, rank * dim) for _ in modalities])
        # The appended 1 starts at its full weight: a product of small numbers alone would begin near 0.
        for factor in self.factors:
            nn.init.ones_(factor.bias)  # pyright: ignore[reportArgumentType]
        self.ranks = nn.Parameter(torch.full((rank, 1), 1 / rank))
        self.bias = nn.Parameter(torch.zeros(dim))
        self.dropout = nn.Dropout(dropout)

    def forward(self, features: Mapping[str, Features]) -> Float[Tensor, "b d"]:
        factors = [factor(encoded.pooled) for factor, encoded in zip(self.factors, features.values(), strict=True)]
        product = torch.stack(factors).prod(dim=0).unflatten(-1, (len(self.ranks), -1))
        return self.dropout((self.ranks * product).sum(dim=1) + self.bias)


@FUSIONS("late")
class Late(Fusion):
    """Late fusion: the weighted average of a linear answer of each modality that is shown.

    With the linear study head that is an average of unimodal logits. The weights are learned, one per modality, and sum
    to 1 over those shown; an absent modality, its stand-in too, counts nothing. A study that is shown nothing gets 0.
    """

    def __init__(self, modalities: Mapping[str, int], dim: int, *, dropout: float = 0.1) -> None:
        super().__init__()
        self.answers = nn.ModuleList([nn.Linear(dim, dim) for _ in modalities])
        self.scores = nn.Parameter(torch.zeros(len(modalities))) if len(modalities) > 1 else None
        self.dropout = nn.Dropout(dropout)

    def forward(self, features: Mapping[str, Features]) -> Float[Tensor, "b d"]:
        shown = torch.stack([encoded.mask.any(dim=1) for encoded in features.values()], dim=1)
        unimodal = [answer(encoded.pooled) for answer, encoded in zip(self.answers, features.values(), strict=True)]
        scores = shown.float() if self.scores is None else self.scores.expand(shown.shape)
        weights = masked_softmax(scores, shown).unsqueeze(-1)
        # By selection: what a stand-in would say cannot come through.
        answers = torch.where(shown.unsqueeze(-1), torch.stack(unimodal, dim=1), 0.0)
        return self.dropout((weights.to(answers.dtype) * answers).sum(dim=1))
