"""Balance between modalities that learn at different speeds: the faster one learns less from the fused answer.

On-the-fly gradient modulation (OGM, Peng et al. 2022, arXiv 2203.15332), without its noise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from mmdx.batch import Features


class _Damped(torch.autograd.Function):
    """The values as they are; their gradient times a factor."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, factor: Tensor) -> Tensor:
        ctx.save_for_backward(factor)
        return values.view_as(values)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (factor,) = ctx.saved_tensors
        return gradients[0] * factor, None


def damped(features: Mapping[str, Features], factors: Mapping[str, Float[Tensor, ""]]) -> dict[str, Features]:
    """The same features, through which each modality learns only as much as its factor, from 0 to 1, lets it."""
    return {
        name: replace(
            encoded,
            pooled=_Damped.apply(encoded.pooled, factors[name]),
            items=_Damped.apply(encoded.items, factors[name]),
        )
        for name, encoded in features.items()
    }


def speed_factors(
    probabilities: Mapping[str, Float[Tensor, "b f"]], labels: Mapping[str, Float[Tensor, "b f"]], strength: float
) -> dict[str, Float[Tensor, ""]]:
    """1 - tanh(`strength` * (r - 1)) for a modality whose answers alone are r > 1 times as right as those of the others
    on average, and 1 for any other.

    How right an answer is, is the mean probability that it gives to the known `labels`, NaN where a study lacks the
    modality; one that no study of the batch has is left as it is, and not compared with.
    """
    rights: dict[str, Tensor] = {}
    for name, given in probabilities.items():
        label = labels[name]
        known = ~label.isnan()
        if known.any():
            right = torch.where(label == 1, given, 1 - given)
            rights[name] = right[known].mean().detach()
    factors = {name: torch.ones((), device=given.device) for name, given in probabilities.items()}
    for name, right in rights.items():
        others = [value for other, value in rights.items() if other != name]
        if others:
            ratio = right / torch.stack(others).mean().clamp(min=1e-6)
            factors[name] = 1 - torch.tanh(strength * (ratio - 1).clamp(min=0))
    return factors
