"""Where each kind of bleed occurs, and the patch that carries its strength.

Every head has a patch of every kind: a bleed where the finding is, a mimic where it is not. Patches never overlap, and
each covers the same share of the slab in every series of a study, which is two to five slices.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from mmdx.data.phantom.head import BRAIN, DURA, Grid, Head, basal_cisterns, lateral_ventricles
from mmdx.data.phantom.recipe import FINDINGS

TISSUE: Mapping[str, float] = {
    "epidural": BRAIN,
    "intraparenchymal": BRAIN,
    "intraventricular": 20.0,
    "subarachnoid": 24.0,
    "subdural": BRAIN,
}
"""The density in HU of what a patch lies in, by finding; blood in a ventricle or a cistern is mixed with fluid."""
_LOWEST: Mapping[str, tuple[float, float]] = {
    "epidural": (0.20, 0.55),
    "intraparenchymal": (0.30, 0.55),
    "intraventricular": (0.40, 0.55),
    "subarachnoid": (0.02, 0.12),
    "subdural": (0.25, 0.55),
}
"""Bounds of the level at which a patch begins."""


@dataclass(frozen=True)
class Site:
    """A patch's extent along the slab, its side (-1 left of the image, 1 right), turn in radians, size and place."""

    low: float
    high: float
    side: int
    turn: float
    size: float
    along: float


def draw_sites(rng: np.random.Generator) -> dict[str, Site]:
    """A site for each finding; the two that lie along the skull are on opposite sides, lest they overlap."""
    skull_side = int(rng.choice((-1, 1)))
    sites = {}
    for finding in FINDINGS:
        low = float(rng.uniform(*_LOWEST[finding]))
        side = {"epidural": skull_side, "subdural": -skull_side}.get(finding, int(rng.choice((-1, 1))))
        turn, size, along = float(rng.uniform(-1, 1)), float(rng.uniform(0.85, 1.15)), float(rng.uniform(-1, 1))
        sites[finding] = Site(low, low + float(rng.uniform(0.30, 0.36)), side, turn, size, along)
    return sites


def patches(sites: Mapping[str, Site], head: Head, grid: Grid) -> dict[str, Bool[np.ndarray, "n m m"]]:
    """The pixels of each finding's patch, disjoint."""
    shapes = {
        "epidural": _lens(sites["epidural"], grid),
        "subdural": _crescent(sites["subdural"], grid),
        "intraparenchymal": _blob(sites["intraparenchymal"], grid),
        "intraventricular": lateral_ventricles(head, grid) & (grid.v > -0.08 + 0.06 * sites["intraventricular"].along),
        "subarachnoid": basal_cisterns(grid, wide=0.032 * sites["subarachnoid"].size),
    }
    taken = grid.r >= DURA
    regions = {}
    for finding, shape in shapes.items():
        site = sites[finding]
        regions[finding] = shape & ~taken & (grid.t >= site.low) & (grid.t < site.high)
        taken = taken | regions[finding]
    return {finding: regions[finding] for finding in FINDINGS}


def _lens(site: Site, grid: Grid) -> Bool[np.ndarray, "n m m"]:
    """Biconvex, against the skull."""
    turn = 0.6 * site.turn
    inward = site.side * grid.u * math.cos(turn) + grid.v * math.sin(turn) - 0.95
    across = grid.v * math.cos(turn) - site.side * grid.u * math.sin(turn)
    return (inward / (0.28 * site.size)) ** 2 + (across / (0.46 * site.size)) ** 2 < 1


def _crescent(site: Site, grid: Grid) -> Bool[np.ndarray, "n m m"]:
    """Thin and long, along the skull, concave to the brain."""
    angle = np.arctan2(grid.v, site.side * grid.u) - 0.35 * site.turn
    span = 1.45 * site.size
    depth = 0.15 * np.sqrt(np.clip(np.cos(angle * (math.pi / 2) / span), 0, 1)) * (np.abs(angle) < span)
    return grid.r > DURA - depth


def _blob(site: Site, grid: Grid) -> Bool[np.ndarray, "n m m"]:
    """Round, deep in one hemisphere."""
    u, v = site.side * grid.u - 0.46, grid.v - 0.05 - 0.30 * site.along
    wobble = 1 + 0.12 * np.cos(3 * np.arctan2(v, u) + 3 * site.turn)
    return np.hypot(u / 0.20, v / 0.22) < site.size * wobble
