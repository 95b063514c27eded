"""Augmentation on the device, drawn once a study: all of its slices turn, shift and brighten together."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from mmdx.config import Augment


class StudyAugment(nn.Module):
    """A random mirror, rotation, shift, scale and contrast a study, in training only; outside is filled with 0."""

    def __init__(self, bounds: Augment) -> None:
        super().__init__()
        self.bounds = bounds
        self.moves = bool(bounds.flip or bounds.degrees or bounds.shift or bounds.zoom)

    def forward(self, images: Float[Tensor, "n k h w"], lengths: Int[Tensor, "b"]) -> Float[Tensor, "n k h w"]:
        if not self.training:
            return images
        # A batch without any image still brings one blank item, which belongs to no study: it stays as it is.
        study = torch.arange(len(lengths), device=images.device).repeat_interleave(lengths)
        if len(study) != len(images):
            return images
        if self.moves:
            grid = F.affine_grid(self._matrices(len(lengths), images)[study], list(images.shape), align_corners=False)
            images = F.grid_sample(images, grid, align_corners=False)
        if self.bounds.contrast:
            gain, offset = (torch.rand(2, len(lengths), device=images.device) * 2 - 1) * self.bounds.contrast
            images = (images * (1 + gain[study, None, None, None]) + offset[study, None, None, None]).clamp(0, 1)
        return images

    def _matrices(self, studies: int, images: Tensor) -> Float[Tensor, "b 2 3"]:
        draw = torch.rand(5, studies, device=images.device) * 2 - 1
        angle = draw[0] * math.radians(self.bounds.degrees)
        scale = 1 + draw[1] * self.bounds.zoom
        mirror = torch.where(draw[2].abs() < self.bounds.flip, -1.0, 1.0)
        # Coordinates run over [-1, 1]: a share of the side is twice that in them.
        shift = draw[3:] * 2 * self.bounds.shift
        cos, sin = angle.cos() * scale, angle.sin() * scale
        rows = [torch.stack([cos * mirror, -sin, shift[0]], dim=-1), torch.stack([sin * mirror, cos, shift[1]], dim=-1)]
        return torch.stack(rows, dim=1).to(images.dtype)
