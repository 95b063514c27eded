"""A picture of one slice under its heat: grey image, heat on top, a legend, finding and probability in the title."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

COLOURS = "inferno"
STRONGEST = 0.65
"""How opaque the largest heat is; no heat is clear, so that the image can still be seen."""


@dataclass(frozen=True)
class Overlay:
    """What a picture shows: `grey` and `heat` from 0 to 1, the heat as a share of the study's largest."""

    grey: Float[np.ndarray, "h w"]
    heat: Float[np.ndarray, "h w"]
    finding: str
    probability: float
    where: str


def overlay_figure(picture: Overlay) -> Figure:
    """The image alone, and the image under its heat, side by side."""
    figure = Figure(figsize=(9.2, 4.8), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    plain, heated = figure.subplots(1, 2)
    for axes in (plain, heated):
        axes.imshow(picture.grey, cmap="gray", vmin=0, vmax=1, interpolation="lanczos")
        axes.set_axis_off()
    heat = heated.imshow(
        picture.heat,
        cmap=COLOURS,
        vmin=0,
        vmax=1,
        alpha=np.clip(picture.heat, 0, 1) * STRONGEST,
        interpolation="bilinear",
    )
    bar = figure.colorbar(heat, ax=heated, fraction=0.046, pad=0.02)
    bar.set_label("Grad-CAM, share of the study's largest")
    if bar.solids is not None:
        bar.solids.set_alpha(1)
    plain.set_title(picture.where, fontsize=11)
    heated.set_title("where the model looked", fontsize=11)
    figure.suptitle(f"{picture.finding}: probability {picture.probability:.2f}", fontsize=14)
    return figure


def draw_overlay(picture: Overlay, path: Path) -> None:
    """Writes a PNG of the overlay."""
    # No metadata: a picture says nothing of when and by what it was made.
    overlay_figure(picture).savefig(path, metadata={"Software": None})
