"""Absence is data: a learned stand-in where a modality is missing, before any sum or attention can touch it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from mmdx.batch import Features


class StandIns(nn.Module):
    """One learned vector per modality, put in place of `pooled` in the studies that are not shown it.

    The items and vectors of such a study are masked and set to 0. Selection, not multiplication: whatever the absent
    branch gave, NaN included, cannot come through.
    """

    def __init__(self, modalities: Sequence[str], dim: int) -> None:
        super().__init__()
        self.vectors = nn.ParameterDict({name: nn.Parameter(torch.randn(dim) * dim**-0.5) for name in modalities})

    def forward(self, features: Mapping[str, Features], present: Bool[Tensor, "b m"]) -> dict[str, Features]:
        replaced = {}
        for column, (name, encoded) in enumerate(features.items()):
            presence = present[:, column, None]
            mask = encoded.mask & presence
            replaced[name] = replace(
                encoded,
                items=torch.where(mask.unsqueeze(-1), encoded.items, 0.0),
                mask=mask,
                pooled=torch.where(presence, encoded.pooled, self.vectors[name].to(encoded.pooled.dtype)),
                weights=None if encoded.weights is None else torch.where(mask, encoded.weights, 0.0),
                vectors=None if encoded.vectors is None else torch.where(mask.unsqueeze(-1), encoded.vectors, 0.0),
            )
        return replaced


def draw_shown(present: Bool[Tensor, "b m"], rates: Float[Tensor, "m"]) -> Bool[Tensor, "b m"]:
    """Modality dropout: `present` with each modality withheld at its rate; a study that would lose all keeps all."""
    shown = present & (torch.rand(present.shape, device=present.device) >= rates)
    return torch.where(shown.any(dim=1, keepdim=True), shown, present)
