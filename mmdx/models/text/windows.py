"""Windows over long reports: each is read by itself, and what is read of a token in several of them is averaged."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int, Shaped
from torch import Tensor

from mmdx.models.packing import is_lone


@dataclass(frozen=True)
class Windows:
    """w windows of t tokens each over padded reports `[b s]`, overlapping by a quarter.

    `places` says where each token of a window stands in the flattened reports, `mask` which of them are real. Every
    report has its first window, and one that reaches no further has no other. Where a window begins depends on
    nothing but its number, so that no report depends on its batch.
    """

    places: Int[Tensor, "w t"]
    mask: Bool[Tensor, "w t"]

    @classmethod
    def over(cls, mask: Bool[Tensor, "b s"], size: int) -> Windows:
        """The windows of `size` tokens over reports whose real tokens are `mask`."""
        if is_lone():
            return cls._over_one(mask, size)
        reports, longest = mask.shape
        size = min(size, longest)
        step = max(1, size - size // 4)
        starts = torch.arange(0, max(1, longest - size + step), step, device=mask.device)
        within = starts[:, None] + torch.arange(size, device=mask.device)
        real = mask[:, within.clamp(max=longest - 1)] & (within < longest)
        # A window holds something new only where it reaches beyond the one before it.
        new = real[:, :, size - step :].any(dim=2)
        new[:, 0] = True
        owner = torch.arange(reports, device=mask.device)[:, None, None] * longest
        places = owner + within.clamp(max=longest - 1)
        return cls(places[new], real[new])

    @classmethod
    def _over_one(cls, mask: Bool[Tensor, "b s"], size: int) -> Windows:
        """The same over one report, where no shape may hang on its length but by division: windows that would hold
        nothing new are there, and nothing in them is real. There are two at least, since a compiler takes one for
        always one."""
        longest, step = mask.shape[1], max(1, size - size // 4)
        starts = torch.arange(longest // step + 2, device=mask.device)[:, None] * step
        within = starts + torch.arange(size, device=mask.device)
        new = (starts < longest - size + step) | (starts == 0)
        return cls(within.clamp(max=longest - 1), (within < longest) & new)

    def cut(self, values: Shaped[Tensor, "b s"]) -> Shaped[Tensor, "w t"]:
        """The values of the tokens in each window; those of places that are not real mean nothing."""
        return values.flatten()[self.places]

    def join(self, items: Float[Tensor, "w t d"], mask: Bool[Tensor, "b s"]) -> Float[Tensor, "b s d"]:
        """What was read of each token, averaged over the windows that hold it; zeros where no token is."""
        if is_lone():  # what is not real counts nothing, and is not left out
            real = self.mask.flatten().to(items.dtype)
            places, read = self.places.flatten(), items.flatten(0, 1) * real.unsqueeze(-1)
            counts = items.new_zeros(mask.shape[1]).index_add(0, places, real)
            total = items.new_zeros(mask.shape[1], items.shape[-1]).index_add(0, places, read)
            return (total / counts.clamp(min=1).unsqueeze(-1)).unsqueeze(0)
        places, read = self.places[self.mask], items[self.mask]
        counts = items.new_zeros(mask.numel()).index_add(0, places, read.new_ones(len(read)))
        total = items.new_zeros(mask.numel(), items.shape[-1]).index_add(0, places, read)
        return (total / counts.clamp(min=1).unsqueeze(-1)).unflatten(0, tuple(mask.shape))
