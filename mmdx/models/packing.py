"""Between packed items `[n d]` and padded ones `[b s d]`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

_LONE: ContextVar[bool] = ContextVar("lone", default=False)


@contextmanager
def one_study() -> Iterator[None]:
    """Within it every batch is of one study, and shapes hang on the number of its items alone, never on a value in a
    tensor: so a model is exported. The items of a modality that it lacks are laid out too, and mean nothing."""
    before = _LONE.set(True)
    try:
        yield
    finally:
        _LONE.reset(before)


def is_lone() -> bool:
    """Whether every batch is of one study (`one_study`)."""
    return _LONE.get()


def item_mask(lengths: Int[Tensor, "b"], values: Shaped[Tensor, "n *rest"] | None = None) -> Bool[Tensor, "b s"]:
    """True at the real items of each study; s is the longest study's count, at least 1. Of one study that is exported
    the count is that of the rows of `values`, the packed items."""
    if values is not None and is_lone():
        return torch.ones(1, values.shape[0], dtype=torch.bool, device=values.device)
    longest = max(1, int(lengths.max()))
    return torch.arange(longest, device=lengths.device) < lengths[:, None]


def pad(values: Shaped[Tensor, "n *rest"], mask: Bool[Tensor, "b s"]) -> Shaped[Tensor, "b s *rest"]:
    """Packed items laid out in one row per study, zeros behind them."""
    if is_lone():
        return values.unsqueeze(0)
    shape = (*mask.shape, *values.shape[1:])
    where = mask.reshape(*mask.shape, *[1] * (values.dim() - 1))
    return values.new_zeros(shape).masked_scatter(where, values)


def unpad(items: Float[Tensor, "b s d"], mask: Bool[Tensor, "b s"]) -> Float[Tensor, "n d"]:
    """The real items, packed again."""
    return items[0] if is_lone() else items[mask]


def with_neighbours(
    images: Float[Tensor, "n k h w"], lengths: Int[Tensor, "b"], reach: int
) -> Float[Tensor, "n _ h w"]:
    """Each packed image with `reach` images of its own study on either side as channels: those of the first neighbour,
    then of the next. Beyond the edge of a study its last image stands again."""
    steps = torch.arange(-reach, reach + 1, device=images.device)
    around = torch.arange(images.shape[0], device=images.device)[:, None] + steps
    if is_lone():
        return images[around.clamp(0, images.shape[0] - 1)].flatten(1, 2)
    ends = lengths.cumsum(0).repeat_interleave(lengths)
    firsts = ends - lengths.repeat_interleave(lengths)
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
