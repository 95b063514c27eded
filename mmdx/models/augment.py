"""Augmentation on the device, drawn once per study: all of its slices turn, shift and brighten together."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from mmdx.batch import Boxes
from mmdx.schema import Augment

LEAST_LEFT = 0.25
"""The share of a moved box that must still lie in the image."""


class StudyAugment(nn.Module):
    """A random mirror, rotation, shift, scale, contrast, gamma and noise per study, in training only; outside is filled
    with 0. Gamma and noise are as in nnU-Net (Isensee et al. 2021).

    With the images come the moves: for each study the matrix from places in the moved image to those in the original,
    both over [-1, 1] (`torch.nn.functional.affine_grid`); None where nothing moved.
    """

    def __init__(self, bounds: Augment) -> None:
        super().__init__()
        self.bounds = bounds
        self.moves = bool(bounds.flip or bounds.degrees or bounds.shift or bounds.zoom)

    def forward(
        self, images: Float[Tensor, "n k h w"], lengths: Int[Tensor, "b"]
    ) -> tuple[Float[Tensor, "n k h w"], Float[Tensor, "b 2 3"] | None]:
        moves = None
        if not self.training:
            return images, moves
        # A batch without any image still brings one blank item, which belongs to no study: it stays as it is.
        study = torch.arange(len(lengths), device=images.device).repeat_interleave(lengths)
        if len(study) != len(images):
            return images, moves
        if self.moves:
            moves = self._matrices(len(lengths), images)
            grid = F.affine_grid(moves[study], list(images.shape), align_corners=False)
            images = F.grid_sample(images, grid, align_corners=False)
        return self._values(images, study, len(lengths)), moves

    def _values(self, images: Float[Tensor, "n k h w"], study: Int[Tensor, "n"], studies: int) -> Tensor:
        """The images brighter or darker, and noisier; `study` numbers the study of each."""
        place = (study, None, None, None)
        if self.bounds.contrast:
            gain, offset = (torch.rand(2, studies, device=images.device) * 2 - 1) * self.bounds.contrast
            images = (images * (1 + gain[place]) + offset[place]).clamp(0, 1)
        if self.bounds.gamma:
            power = (1 + self.bounds.gamma) ** (torch.rand(studies, device=images.device) * 2 - 1)
            images = images.clamp(0, 1) ** power[place]
        if self.bounds.noise:
            deviation = torch.rand(studies, device=images.device) * self.bounds.noise
            images = (images + deviation[place] * torch.randn_like(images)).clamp(0, 1)
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


def move_boxes(
    boxes: Boxes, moves: Float[Tensor, "b 2 3"], lengths: Int[Tensor, "b"], height: int, width: int
) -> Boxes:
    """The boxes where the moves of `StudyAugment` put their lesions: the upright hull of each moved box, clipped.

    One that is thinner than a pixel then, or of which less than `LEAST_LEFT` lies in the image, is dropped.
    """
    study = torch.arange(len(lengths), device=lengths.device).repeat_interleave(lengths)[boxes.images]
    side = boxes.corners.new_tensor([width, height])
    # All four corners, over [-1, 1]; the moves lead from the moved image back, so they are undone here.
    corners = boxes.corners[:, [0, 1, 2, 1, 0, 3, 2, 3]].reshape(-1, 4, 2) / side * 2 - 1
    turn, shift = moves[study].float().split((2, 1), dim=-1)
    moved = torch.linalg.solve(turn, corners.mT - shift).mT
    hull = torch.cat([moved.amin(dim=1), moved.amax(dim=1)], dim=-1)
    hull = (hull + 1) / 2 * side.repeat(2)
    clipped = torch.minimum(hull.clamp(min=0), side.repeat(2))
    remaining, full = (edges[:, 2:] - edges[:, :2] for edges in (clipped, hull))
    keep = (remaining >= 1).all(dim=1) & (remaining.prod(dim=1) >= LEAST_LEFT * full.prod(dim=1))
    return Boxes(clipped[keep], boxes.images[keep], boxes.findings[keep])
