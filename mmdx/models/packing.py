"""Between packed items `[n d]` and padded ones `[b s d]`."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor


def item_mask(lengths: Int[Tensor, "b"]) -> Bool[Tensor, "b s"]:
    """True at the real items of each study; s is the longest study's count, at least 1."""
    longest = max(1, int(lengths.max()))
    return torch.arange(longest, device=lengths.device) < lengths[:, None]


def pad(values: Shaped[Tensor, "n *rest"], mask: Bool[Tensor, "b s"]) -> Shaped[Tensor, "b s *rest"]:
    """Packed items laid out in one row per study, zeros behind them."""
    shape = (*mask.shape, *values.shape[1:])
    where = mask.reshape(*mask.shape, *[1] * (values.dim() - 1))
    return values.new_zeros(shape).masked_scatter(where, values)


def unpad(items: Float[Tensor, "b s d"], mask: Bool[Tensor, "b s"]) -> Float[Tensor, "n d"]:
    """The real items, packed again."""
    return items[mask]


def with_neighbours(
    images: Float[Tensor, "n k h w"], lengths: Int[Tensor, "b"], reach: int
) -> Float[Tensor, "n _ h w"]:
    """Each packed image with `reach` images of its own study on either side as channels: those of the first neighbour,
    then of the next. Beyond the edge of a study its last image stands again."""
    ends = lengths.cumsum(0).repeat_interleave(lengths)
    firsts = ends - lengths.repeat_interleave(lengths)
    steps = torch.arange(-reach, reach + 1, device=images.device)
    around = torch.arange(len(images), device=images.device)[:, None] + steps
    return images[around.clamp(firsts[:, None], ends[:, None] - 1)].flatten(1, 2)


def drawn_order(unordered: Bool[Tensor, "b"], mask: Bool[Tensor, "b s"]) -> Int[Tensor, "b s"]:
    """For each place of a study the item that comes there: a random order of its real items where it is `unordered`,
    else each item at its own place."""
    own = torch.arange(mask.shape[1], device=mask.device).expand(mask.shape)
    # Below 1, and so before every item behind a study's last, which stay where they are.
    keys = torch.where(unordered[:, None] & mask, torch.rand(mask.shape, device=mask.device), own.float())
    return keys.argsort(dim=1, stable=True)


def masked_softmax(scores: Float[Tensor, "b s"], mask: Bool[Tensor, "b s"]) -> Float[Tensor, "b s"]:
    """Weights that sum to 1 over the real items of a study, in float32; all 0 for a study that has none."""
    filled = scores.float().masked_fill(~mask, torch.finfo(torch.float32).min)
    return filled.softmax(dim=-1) * mask


def masked_max(items: Float[Tensor, "b s d"], mask: Bool[Tensor, "b s"]) -> Float[Tensor, "b d"]:
    """The maximum over real items, feature by feature; 0 for a study that has none."""
    largest = items.masked_fill(~mask.unsqueeze(-1), torch.finfo(items.dtype).min).amax(dim=1)
    return torch.where(mask.any(dim=1, keepdim=True), largest, 0.0)
