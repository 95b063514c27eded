"""A picture of one slice under its heat: the source image alone and heated, in its own pixels, with the scale of the
heat beside it.

Pillow draws it, in the letters of matplotlib: a figure of matplotlib of the same look takes ten times as long.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image, ImageDraw, ImageFont

from mmdx.engine.inference.explaining.inferno import INFERNO
from mmdx.files import written

STRONGEST = 0.65
"""How opaque the largest heat is; no heat is clear, so that the image can still be seen."""
SMALLEST, LARGEST = 384, 1024
"""Pixels of the longer side of a drawn image: smaller sources are enlarged by a whole factor, larger ones reduced."""
SCALE = "Grad-CAM, share of the largest in the slices drawn for this finding"
QUICK = 1
"""How hard a PNG is pressed together, of 9: beyond, most of the time of a picture goes there."""
TICKS = 5
"""Parts into which the numbers of the scale divide it."""
MARGIN, HEAD, BAR, NUMBERS = 14, 84, 16, 64
"""Pixels around the images, above them for titles, and of the bar and its numbers."""
_NAME, _TITLE, _NUMBER, _LEAST = 18, 14, 12, 8
"""Sizes of letters in pixels: of the first line, of titles, of the scale, and the least to which a line shrinks."""
PLAIN_WIDTH = 400
"""The width of an image up to which these sizes hold; they grow with a wider one, for a page shows all equally wide."""
_BLACK, _WHITE = (0, 0, 0), (255, 255, 255)


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

    @property
    def name(self) -> str:
        """What stands above both images."""
        return f"{self.finding}: {self.score}"

    @property
    def titles(self) -> tuple[str, str]:
        """What stands above the image alone, and above the heated one."""
        heated = "where the network looked" if self.heat.any() else "no heat: nothing here speaks for it"
        return "\n".join(filter(None, (self.where, self.window))), heated


@dataclass(frozen=True)
class _Sizes:
    """Lengths of a picture in pixels, `factor` times what they are beside a small image."""

    factor: float

    def __call__(self, length: int) -> int:
        return round(length * self.factor)


def drawn_size(height: int, width: int) -> tuple[int, int]:
    """The height and width at which an image is drawn: its own wherever that can be looked at."""
    longest = max(height, width)
    factor = math.ceil(SMALLEST / longest) if longest < SMALLEST else min(1.0, LARGEST / longest)
    return max(1, round(height * factor)), max(1, round(width * factor))


def overlay_picture(overlay: Overlay) -> Image.Image:
    """The image alone, and the image under its heat, side by side."""
    height, width = drawn_size(*overlay.heat.shape)
    pixels, heat = _at_size(overlay, (height, width))
    size = _Sizes(max(1.0, width / PLAIN_WIDTH))
    margin, head = size(MARGIN), size(HEAD)
    canvas = Image.new("RGB", (3 * margin + 2 * width + size(BAR + NUMBERS), height + head + margin), _WHITE)
    pen = ImageDraw.Draw(canvas)
    for place, (shown, title) in enumerate(zip((pixels, blended(pixels, heat)), overlay.titles, strict=True)):
        left = margin + place * (margin + width)
        canvas.paste(Image.fromarray(shown), (left, head))
        # Half a margin to either side is free, and no more: titles stand side by side.
        font = fitting(title, size(_TITLE), width + margin)
        middle = (left + width / 2, head - size(6))
        pen.multiline_text(middle, title, _BLACK, font, anchor="md", align="center", spacing=size(3))
    name = fitting(overlay.name, size(_NAME), canvas.width - 2 * margin)
    pen.text((canvas.width / 2, size(8)), overlay.name, _BLACK, name, anchor="ma")
    _draw_scale(canvas, (3 * margin + 2 * width, head), height, size)
    return canvas


def draw_overlay(overlay: Overlay, path: Path) -> None:
    """Writes a PNG of the overlay, whole or not at all; it says nothing of when and by what it was made."""
    with written(path) as partial:
        overlay_picture(overlay).save(partial, format="png", compress_level=QUICK)


def blended(pixels: UInt8[np.ndarray, "h w 3"], heat: Float[np.ndarray, "h w"]) -> UInt8[np.ndarray, "h w 3"]:
    """An image under its heat: no heat is clear, the largest hides `STRONGEST` of the image."""
    levels = np.rint(np.clip(heat, 0, 1) * 255).astype(np.uint8)
    opacity = (levels / np.float32(255) * STRONGEST)[..., None]
    return np.rint(pixels * (1 - opacity) + INFERNO.astype(np.float32)[levels] * opacity).astype(np.uint8)


def _at_size(overlay: Overlay, size: tuple[int, int]) -> tuple[UInt8[np.ndarray, "h w 3"], Float[np.ndarray, "h w"]]:
    """The image in colour and its heat at the height and width at which they are drawn."""
    plain = np.rint(np.clip(overlay.pixels, 0, 1) * 255).astype(np.uint8)
    image, heat = Image.fromarray(plain), Image.fromarray(overlay.heat.astype(np.float32))
    if size != overlay.heat.shape:
        # Enlarged, a pixel stays one; reduced, it counts with its neighbours.
        filtered = Image.Resampling.NEAREST if size > overlay.heat.shape else Image.Resampling.BILINEAR
        image, heat = image.resize(size[::-1], filtered), heat.resize(size[::-1], filtered)
    return np.asarray(image.convert("RGB")), np.asarray(heat)


def _draw_scale(canvas: Image.Image, corner: tuple[int, int], height: int, size: _Sizes) -> None:
    """The bar of the colours of heat from 0 to 1, its numbers, and along them what it is a scale of."""
    pen, (left, top), bar = ImageDraw.Draw(canvas), corner, size(BAR)
    colours = INFERNO[np.linspace(255, 0, height).round().astype(int)]
    canvas.paste(Image.fromarray(np.repeat(colours[:, None], bar, axis=1)), corner)
    pen.rectangle((left, top, left + bar - 1, top + height - 1), outline=_BLACK)
    font = _font(size(_NUMBER))
    for part in range(TICKS + 1):
        y = top + (height - 1) * (1 - part / TICKS)
        pen.line((left + bar, y, left + bar + size(3), y), fill=_BLACK)
        pen.text((left + bar + size(6), y), f"{part / TICKS:.1f}", _BLACK, font, anchor="lm")
    lying = Image.new("RGB", (height, 2 * size(_NUMBER)), _WHITE)
    middle = (height / 2, size(_NUMBER))
    ImageDraw.Draw(lying).text(middle, SCALE, _BLACK, fitting(SCALE, size(_NUMBER), height), anchor="mm")
    canvas.paste(lying.rotate(90, expand=True), (left + size(BAR + 32), top))


def fitting(text: str, size: int, width: int) -> ImageFont.FreeTypeFont:
    """The letters of a size in pixels, or smaller ones where the longest line is wider than `width` pixels."""
    font = _font(size)
    widest = max(font.getlength(line) for line in text.splitlines() or [""])
    return font if widest <= width else _font(max(_LEAST, int(size * width / widest)))


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which has the letters of most languages and comes with matplotlib; that itself is not imported."""
    spec = find_spec("matplotlib")
    assert spec is not None
    assert spec.origin is not None
    return ImageFont.truetype(Path(spec.origin).parent / "mpl-data/fonts/ttf/DejaVuSans.ttf", size)
