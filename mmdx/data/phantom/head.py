"""A head in Hounsfield units: skull, brain with sulci, ventricles and cisterns; nothing ill in it.

Head coordinates: u to the image's right and v to the back, both 1 at the outer table of the skull; t in 0..1 is the
level in the slab, from the cisterns up to the vertex. Slices are seen as usual, from the feet: rows run from front to
back.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy.ndimage import gaussian_filter

FIELD_MM = 220.0
"""Side of a slice."""
SLAB_MM = 70.0
"""Height of the slab that the slices share evenly."""
SURFACE, DURA = 0.90, 0.92
"""Radii of the brain's surface and of the innermost layer of the skull; between them is fluid, or a bleed."""
AIR, SCALP, BONE, BRAIN, CSF, CISTERN = -1000.0, 15.0, 1000.0, 34.0, 8.0, 14.0
"""Densities in HU; a cistern is fluid with vessels and partial volume."""
ENHANCED_BRAIN = 4.0
"""What contrast agent adds to brain tissue, in HU."""


@dataclass(frozen=True)
class Head:
    """The shape of one head: half axes in mm, half width of the ventricles, phase and number of the sulci."""

    half_width: float
    half_length: float
    ventricle: float
    sulci: int
    phase: float


@dataclass(frozen=True)
class Pose:
    """How a head lies in one study: degrees, and millimetres to the right and to the back."""

    degrees: float
    right: float
    back: float


@dataclass(frozen=True)
class Grid:
    """Head coordinates of every pixel of every slice; `edge` is a pixel's width in them."""

    u: Float[np.ndarray, "n m m"]
    v: Float[np.ndarray, "n m m"]
    r: Float[np.ndarray, "n m m"]
    angle: Float[np.ndarray, "n m m"]
    t: Float[np.ndarray, "n 1 1"]
    edge: float


def draw_head(rng: np.random.Generator) -> Head:
    return Head(
        half_width=float(rng.uniform(68, 76)),
        half_length=float(rng.uniform(82, 92)),
        ventricle=float(rng.uniform(0.085, 0.115)),
        sulci=int(rng.integers(9, 14)),
        phase=float(rng.uniform(0, 2 * math.pi)),
    )


def draw_pose(rng: np.random.Generator) -> Pose:
    return Pose(float(rng.uniform(-8, 8)), float(rng.uniform(-8, 8)), float(rng.uniform(-6, 6)))


def slice_levels(count: int) -> Float[np.ndarray, " n"]:
    """The levels t of `count` slices that share the slab evenly."""
    return (np.arange(count, dtype=np.float32) + 0.5) / np.float32(count)


def head_grid(head: Head, pose: Pose, *, count: int, matrix: int) -> Grid:
    """Head coordinates of `count` slices of `matrix` x `matrix` pixels; heads narrow to the vertex and to the base."""
    pixel = FIELD_MM / matrix
    mm = ((np.arange(matrix) + 0.5) * pixel - FIELD_MM / 2).astype(np.float32)
    x, y = np.meshgrid(mm - np.float32(pose.right), mm - np.float32(pose.back))
    sin, cos = np.float32(math.sin(math.radians(pose.degrees))), np.float32(math.cos(math.radians(pose.degrees)))
    t = slice_levels(count)[:, None, None]
    scale = 1 - 0.28 * np.clip((t - 0.5) / 0.5, 0, 1) ** 2 - 0.06 * np.clip((0.35 - t) / 0.35, 0, 1)
    u = (cos * x + sin * y) / np.float32(head.half_width) / scale
    v = (cos * y - sin * x) / np.float32(head.half_length) / scale
    return Grid(u, v, np.hypot(u, v), np.arctan2(v, u), t, edge=pixel / head.half_width)


def lateral_ventricles(head: Head, grid: Grid) -> Bool[np.ndarray, "n m m"]:
    """Two curved horns that part to the front and, more so, to the back."""
    along = grid.v - 0.05
    centre = 0.09 + 0.17 * np.where(along < 0, 0.7, 1.0) * (along / 0.46) ** 2
    width = head.ventricle * np.sqrt(np.clip(1 - (along / 0.46) ** 2, 0, 1))
    return (np.abs(np.abs(grid.u) - centre) < width) & (grid.t > 0.36) & (grid.t < 0.92)


def basal_cisterns(grid: Grid, *, wide: float = 0.0) -> Bool[np.ndarray, "n m m"]:
    """The suprasellar star, both Sylvian fissures and the front of the midline cleft; `wide` widens all of them."""
    back = grid.v + 0.10
    star = np.hypot(grid.u, back) < 0.13 + 0.045 * np.cos(5 * np.arctan2(grid.u, -back)) + wide
    side = np.abs(grid.u)
    fissure = (np.abs(grid.v + 0.16 + 0.22 * np.sin(2.6 * (side - 0.15))) < 0.022 + wide) & (side < 0.76)
    cleft = (side < 0.014 + wide / 2) & (grid.v < -0.15) & (grid.v > -0.80)
    return (star | (fissure & (side > 0.1)) | cleft) & (grid.t < 0.5)


def healthy_brain(head: Head, grid: Grid, *, enhanced: bool) -> Float[np.ndarray, "n m m"]:
    """Everything inside the skull in HU, and nonsense outside of it."""
    wave = np.sin(head.sulci * grid.angle + head.phase + 6 * grid.t)
    hu = np.where(grid.r > 0.76 + 0.05 * wave, np.float32(BRAIN + 3), np.float32(BRAIN - 4))
    deep = ((np.abs(grid.u) - 0.30) / 0.11) ** 2 + ((grid.v - 0.02) / 0.22) ** 2 < 1
    hu = np.where(deep & (grid.t > 0.3) & (grid.t < 0.65), BRAIN + 4, hu)
    hu += ENHANCED_BRAIN if enhanced else 0.0
    hu = np.where((wave > 0.86) & (grid.r > 0.80 - 0.06 * np.sin(3 * grid.angle + head.phase)), CISTERN + 6, hu)
    hu = np.where(basal_cisterns(grid) | (grid.r > SURFACE), CISTERN, hu)
    hu = np.where(lateral_ventricles(head, grid), CSF, hu)
    third = (np.abs(grid.u) < 0.022) & (np.abs(grid.v - 0.05) < 0.14) & (grid.t > 0.3) & (grid.t < 0.55)
    hu = np.where(third, CSF, hu)
    falx = (np.abs(grid.u) < max(0.016, 0.55 * grid.edge)) & (grid.t > 0.5) & ((np.abs(grid.v) > 0.5) | (grid.t > 0.92))
    hu = np.where(falx, 70.0 if enhanced else 44.0, hu)
    sinus = np.hypot(grid.u, grid.v - 0.86) < 0.045
    return np.where(sinus, 130.0 if enhanced else 48.0, hu)


def within_skull(brain: Float[np.ndarray, "n m m"], grid: Grid) -> Float[np.ndarray, "n m m"]:
    """The brain as a scanner sees it, slightly blurred, in its skull and scalp, in air."""

    def inside(radius: float) -> Float[np.ndarray, "n m m"]:
        return np.clip((radius - grid.r) / grid.edge + 0.5, 0, 1)

    # The brain is blurred before the bone is put around it: bone that bled into it would drown what lies beside it.
    hu = gaussian_filter(np.where(grid.r < DURA + 0.05, brain, BRAIN), (0, 0.5, 0.5))
    hu = BONE + (hu - BONE) * inside(DURA + 0.5 * grid.edge)
    hu = SCALP + (hu - SCALP) * inside(1.0 + grid.edge)
    return AIR + (hu - AIR) * inside(1.07 + grid.edge)
