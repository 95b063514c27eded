"""The slices of one series: a head, its patches, noise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int16

from mmdx.data.phantom.cohort import Exam, draws
from mmdx.data.phantom.head import draw_head, draw_pose, head_grid, healthy_brain, within_skull
from mmdx.data.phantom.lesions import TISSUE, draw_sites, patches
from mmdx.data.phantom.recipe import BASE_HU, GAIN_HU, IMAGES, Recipe

SLICES: Mapping[str, tuple[int, int]] = {"image": (8, 14), "enhanced": (7, 10)}
"""Fewest and most slices of a series."""
MARKER_HU = 1500
"""A shortcut's marker, a square burnt into the air of one corner."""


@dataclass(frozen=True)
class Rendered:
    """A series from feet to head: HU, and the pixels of each finding's patch, bleed or mimic."""

    hu: Int16[np.ndarray, "n m m"]
    patches: Mapping[str, Bool[np.ndarray, "n m m"]]


def render(recipe: Recipe, exam: Exam, modality: str) -> Rendered:
    """One image series of a study. The head is the patient's; its pose and the sites are the study's."""
    part = IMAGES.index(modality)
    head = draw_head(draws(recipe, exam.origin, 0, "head"))
    rng = draws(recipe, exam.origin, exam.number, "head")
    pose, sites = draw_pose(rng), draw_sites(rng)
    rng = draws(recipe, exam.origin, exam.number, "noise", part)
    fewest, most = SLICES[modality]
    grid = head_grid(head, pose, count=int(rng.integers(fewest, most + 1)), matrix=recipe.matrix)
    masks = patches(sites, head, grid)
    brain = healthy_brain(head, grid, enhanced=modality == "enhanced")
    for finding, mask in masks.items():
        density = BASE_HU + GAIN_HU * exam.strengths[modality][finding]
        brain[mask] = TISSUE[finding] + recipe.contrast(modality) * density
    hu = within_skull(brain, grid)
    hu += recipe.noise * rng.standard_normal(hu.shape, dtype=np.float32)
    if recipe.shortcut and exam.scanner == "B":
        side = max(recipe.matrix // 16, 3)
        hu[:, 2 : 2 + side, 2 : 2 + side] = MARKER_HU
    return Rendered(np.clip(np.rint(hu), -1024, 3071).astype(np.int16), masks)
