"""Does the answer go where the explanation says: deletion, insertion, removal of items, and hits of what is known."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from mmdx.engine.scoring.checking.asked import Explained
from mmdx.engine.scoring.checking.heat import Heat, blurred

FRACTIONS = (0.0, 0.05, 0.1, 0.2, 0.4, 0.7, 1.0)
"""Shares of the pixels that are deleted or inserted."""
TOP = 0.1
"""The share of the slices or words that are left out, at least one."""
DRAWS = 5
"""Draws of as many others."""


def deletion(asked: Explained, heat: Heat) -> float:
    """The area below the probability of the finding as the hottest pixels are blurred (Petsiuk et al. 2018): low where
    the heat lies on what the model uses."""
    images, soft = asked.seen(), blurred(asked.seen())
    return _area([asked.score(torch.where(hot[:, None], soft, images)) for hot in _hottest(heat)])


def insertion(asked: Explained, heat: Heat) -> float:
    """The same as the hottest pixels come back into blurred images: high where the heat lies on what the model uses."""
    images, soft = asked.seen(), blurred(asked.seen())
    return _area([asked.score(torch.where(hot[:, None], images, soft)) for hot in _hottest(heat)])


def removal(
    asked: Explained, modality: str, weights: Float[Tensor, "n"], generator: torch.Generator
) -> tuple[float, float] | None:
    """The probability of the finding without the items (slices, words) that count most, and without as many others,
    mean over draws; None where fewer than three are there."""
    total = len(weights)
    count = max(1, round(TOP * total))
    fixed = asked.images[0] if modality == asked.modality and len(asked.images) == 1 else -1
    free = [item for item in range(total) if item != fixed]
    if len(free) < 3 or count >= len(free):
        return None
    order = sorted(free, key=lambda item: -float(weights[item]))
    without = asked.score_without(modality, torch.tensor(order[:count], device=weights.device))
    others = []
    for _ in range(DRAWS):
        drawn = [free[place] for place in torch.randperm(len(free), generator=generator)[:count].tolist()]
        others.append(asked.score_without(modality, torch.tensor(drawn, device=weights.device)))
    return without, sum(others) / DRAWS


def hit(heat: Heat, inside: Bool[Tensor, "n h w"]) -> tuple[float, float]:
    """Whether the hottest pixel lies in a known lesion, and the share of the pixels that do: what chance would hit."""
    return float(inside.flatten()[heat.flatten().argmax()]), float(inside.float().mean())


def _hottest(heat: Heat) -> Sequence[Bool[Tensor, "n h w"]]:
    """For each share the pixels that are the hottest."""
    flat = heat.flatten()
    order = flat.argsort(descending=True, stable=True)
    masks = []
    for share in FRACTIONS:
        hot = torch.zeros_like(flat, dtype=torch.bool)
        hot[order[: round(share * len(flat))]] = True
        masks.append(hot.view_as(heat))
    return masks


def _area(scores: Sequence[float]) -> float:
    """The mean score over the shares, by trapezoids."""
    steps = zip(FRACTIONS[:-1], FRACTIONS[1:], scores[:-1], scores[1:], strict=True)
    return sum((stop - start) * (first + second) / 2 for start, stop, first, second in steps)
