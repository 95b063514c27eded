"""A picture of one slice under its heat: the source image alone and heated, in its own pixels, with the scale of the
heat beside it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure

from mmdx.files import written

COLOURS = "inferno"
STRONGEST = 0.65
"""How opaque the largest heat is; no heat is clear, so that the image can still be seen."""
SMALLEST, LARGEST = 384, 1024
"""Pixels of the longer side of a drawn image: smaller sources are enlarged by a whole factor, larger ones reduced."""
SCALE = "Grad-CAM, share of the largest in the slices drawn for this finding"
QUICK = 1
"""How hard a PNG is pressed together, of 9: beyond, most of the time of a picture goes there."""
_DPI = 100
_MARGIN, _HEAD, _BAR, _SCALE = 14, 84, 16, 64
"""Pixels around the images, above them for titles, and of the bar and its numbers."""


@dataclass(frozen=True)
class Overlay:
    """What a picture shows: the source image `pixels` and its `heat`, from 0 to 1, the heat as a share of the largest
    in the slices drawn for `finding`. `score` is that of the finding in words; `where` and `window` say which slice
    this is, and how it is shown."""

    pixels: Float[np.ndarray, "h w *c"]
    heat: Float[np.ndarray, "h w"]
    finding: str
    score: str
    where: str
    window: str


def drawn_size(height: int, width: int) -> tuple[int, int]:
    """The height and width at which an image is drawn: its own wherever that can be looked at."""
    longest = max(height, width)
    factor = math.ceil(SMALLEST / longest) if longest < SMALLEST else min(1.0, LARGEST / longest)
    return max(1, round(height * factor)), max(1, round(width * factor))


def overlay_figure(picture: Overlay) -> Figure:
    """The image alone, and the image under its heat, side by side."""
    height, width = drawn_size(*picture.heat.shape)
    whole = (3 * _MARGIN + 2 * width + _BAR + _SCALE, height + _HEAD + _MARGIN)
    figure = Figure(figsize=(whole[0] / _DPI, whole[1] / _DPI), dpi=_DPI)
    FigureCanvasAgg(figure)
    plain = _axes(figure, (_MARGIN, _MARGIN, width, height), whole)
    heated = _axes(figure, (2 * _MARGIN + width, _MARGIN, width, height), whole)
    bar = _axes(figure, (3 * _MARGIN + 2 * width, _MARGIN, _BAR, height), whole)
    pixels = np.rint(np.clip(_in_colour(picture.pixels), 0, 1) * 255).astype(np.uint8)
    for axes, shown in ((plain, pixels), (heated, blended(pixels, picture.heat))):
        axes.imshow(shown, interpolation="nearest" if height >= shown.shape[0] else "antialiased", aspect="auto")
        axes.set_axis_off()
    figure.colorbar(ScalarMappable(cmap=COLOURS), cax=bar).set_label(SCALE, fontsize=9 if height > 450 else 7)
    bar.tick_params(labelsize=9)
    plain.set_title(f"{picture.where}\n{picture.window}", fontsize=10)
    heated.set_title("where the network looked" if picture.heat.any() else "no heat: nothing here speaks for it")
    heated.title.set_fontsize(10)
    figure.suptitle(f"{picture.finding}: {picture.score}", fontsize=13, y=1 - 8 / whole[1], va="top")
    return figure


def draw_overlay(picture: Overlay, path: Path) -> None:
    """Writes a PNG of the overlay, whole or not at all."""
    with written(path) as partial:
        # No metadata: a picture says nothing of when and by what it was made.
        options = {"metadata": {"Software": None}, "pil_kwargs": {"compress_level": QUICK}}
        overlay_figure(picture).savefig(partial, format="png", **options)


def blended(pixels: UInt8[np.ndarray, "h w 3"], heat: Float[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w 3"]:
    """An image under its heat: no heat is clear, the largest hides `STRONGEST` of the image."""
    levels = np.rint(np.clip(heat, 0, 1) * 255).astype(np.uint8)
    colours = (colormaps[COLOURS](np.arange(256))[:, :3] * 255).astype(np.float32)[levels]
    opacity = (levels / np.float32(255) * STRONGEST)[..., None]
    return np.rint(pixels * (1 - opacity) + colours * opacity).astype(np.uint8)


def _in_colour(pixels: Float[np.ndarray, "h w *c"]) -> Float[np.ndarray, "h w 3"]:
    return np.repeat(pixels[..., None], 3, axis=-1) if pixels.ndim == 2 else pixels


def _axes(figure: Figure, box: tuple[int, int, int, int], whole: tuple[int, int]) -> Axes:
    """Axes that fill a box: left, bottom, width and height in pixels of the whole figure."""
    left, bottom, width, height = box
    return figure.add_axes((left / whole[0], bottom / whole[1], width / whole[0], height / whole[1]))
