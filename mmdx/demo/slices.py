"""The slices of one input of a study as the page shows them: held in memory, windowed when they are asked for, with
heat and boxes drawn over them."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float, Shaped, UInt8
from PIL import Image, ImageDraw

from mmdx.data.images.decode import GreyRange
from mmdx.data.images.letterbox import Letterbox
from mmdx.data.images.windows import WINDOWS, Window
from mmdx.engine.inference.explaining.overlay import QUICK, blended
from mmdx.engine.inference.explaining.source_slices import FileSlice, SlicePlace, SourceSlices
from mmdx.engine.inference.explanation import Explanation
from mmdx.errors import UsageError, did_you_mean
from mmdx.files import CORNERS

MOST_HELD = 2**27
"""Pixels of one study that are held: 256 MB of CT. More slices are held smaller."""
LARGEST = 1024
"""Pixels of the longer side of a slice that is held."""
AT_ONCE = 32
"""Slices that are decoded together."""
SMALLEST_SHOWN = 512
"""Pixels of the longer side below which a slice is enlarged by a whole factor before boxes are drawn on it."""
MOST_BOXES = 5
"""Boxes of one finding that are drawn on a slice, the likeliest."""
BOX, EDGE = (255, 212, 0), (0, 0, 0)
"""The colours of a box and of the line around it."""


@dataclass(frozen=True)
class DrawnBox:
    """A box that the model found on a slice, with corners as shares of its width and height."""

    finding: str
    score: float
    corners: tuple[float, float, float, float]


@dataclass(frozen=True)
class Slices:
    """The slices of the input `name` in certified order: `pixels` int16 in Hounsfield units, else uint8; `own` is the
    window of the file, else of the model. `heat` holds levels of 0 to 255 by finding and slice, `boxes` those of each
    slice."""

    name: str
    places: tuple[SlicePlace, ...]
    pixels: tuple[Shaped[np.ndarray, "h w *c"], ...]
    own: tuple[str, Window] | None = None
    range: str = ""
    heat: Mapping[str, Mapping[int, UInt8[np.ndarray, "h w"]]] = field(default_factory=dict)
    boxes: Mapping[int, Sequence[DrawnBox]] = field(default_factory=dict)

    @property
    def windows(self) -> dict[str, Window]:
        """The windows in which CT can be looked at, the one of its own first; none for other images."""
        return {} if self.own is None else {self.own[0]: self.own[1], **WINDOWS}

    def picture(self, index: int, *, window: str = "", finding: str = "", boxes: str | None = None) -> bytes:
        """One slice as a PNG: in a window, under the heat of a finding where it has some, with the boxes that were
        found on it of the finding `boxes`; of all where it is empty.

        Raises `UsageError` for a slice, a window or a finding that there is not.
        """
        if not 0 <= index < len(self.pixels):
            raise UsageError(f"slice {index + 1}: there are {len(self.pixels)}")
        if finding and finding not in self.heat:
            raise UsageError(f"finding '{finding}': has no heat; {did_you_mean(finding, self.heat)}")
        image = self._shown(index, window)
        heat = self.heat.get(finding, {}).get(index)
        if heat is not None:
            image = blended(image, heat.astype(np.float32) / 255)
        picture = Image.fromarray(image)
        longest = max(picture.size)
        if longest < SMALLEST_SHOWN:
            factor = math.ceil(SMALLEST_SHOWN / longest)
            picture = picture.resize((picture.width * factor, picture.height * factor), Image.Resampling.NEAREST)
        if boxes is not None:
            _draw_boxes(picture, [box for box in self.boxes.get(index, ()) if boxes in ("", box.finding)])
        out = io.BytesIO()
        picture.save(out, format="png", compress_level=QUICK)
        return out.getvalue()

    def _shown(self, index: int, window: str) -> UInt8[np.ndarray, "h w 3"]:
        pixels = self.pixels[index]
        if pixels.dtype == np.int16:
            windows = self.windows
            if window and window not in windows:
                raise UsageError(f"window '{window}': not one of this page; {did_you_mean(window, windows)}")
            centre, width = windows[window] if window else next(iter(windows.values()))
            share = np.clip((pixels.astype(np.float32) - (centre - width / 2)) / width, 0, 1)
            pixels = np.rint(share * 255).astype(np.uint8)
        return pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, axis=2)


def hold(
    name: str, source: SourceSlices, count: int, *, explanation: Explanation | None, boxes: Sequence[DrawnOn] = ()
) -> Slices:
    """All `count` slices of an input, with the heat of an `explanation` and the `boxes` found on them."""
    side = min(LARGEST, int(math.sqrt(MOST_HELD / max(count, 1))))
    places, pixels, own = [], [], None
    for start in range(0, count, AT_ONCE):
        for one in source.values(range(start, min(count, start + AT_ONCE))):
            own = own or one.window
            places.append(one.place)
            pixels.append(_held(one, source, side))
    shapes = [image.shape[:2] for image in pixels]
    by_slice: dict[int, list[DrawnBox]] = {}
    for box in sorted(boxes, key=lambda box: -box.drawn.score):
        alike = by_slice.setdefault(box.index, [])
        if sum(one.finding == box.drawn.finding for one in alike) < MOST_BOXES:
            alike.append(box.drawn)
    is_ct = source.images.unit == "HU"
    return Slices(
        name=name,
        places=tuple(places),
        pixels=tuple(pixels),
        own=(("as in its file", own) if own else ("as the model sees it", source.window)) if is_ct else None,
        range="" if is_ct else _range_in_words(source.grey_range),
        heat={} if explanation is None else _heat(explanation, shapes),
        boxes=by_slice,
    )


@dataclass(frozen=True)
class DrawnOn:
    """A box and the 0-based place of the slice that it is on."""

    index: int
    drawn: DrawnBox


def boxes_on(boxes: Iterable[Mapping[str, Any]], letterboxes: Sequence[Letterbox]) -> list[DrawnOn]:
    """The boxes of a prediction on the images as they are shown; `letterboxes` are those of all images, in order."""
    drawn = []
    for box in boxes:
        letterbox = letterboxes[box["slice"]]
        corners = letterbox.to_shown(np.array([box[corner] for corner in CORNERS], dtype=float))
        x0, y0, x1, y1 = np.clip(corners / np.tile(letterbox.extent, 2), 0, 1).tolist()
        drawn.append(DrawnOn(box["slice"], DrawnBox(box["finding"], box["score"], (x0, y0, x1, y1))))
    return drawn


def _held(one: FileSlice, source: SourceSlices, side: int) -> Shaped[np.ndarray, "h w *c"]:
    pixels = one.pixels
    if pixels.dtype != np.uint8 and source.images.unit != "HU":
        pixels = _grey(pixels, source.grey_range)
    longest = max(pixels.shape[:2])
    if longest > side:
        shape = [max(1, round(length * side / longest)) for length in pixels.shape[1::-1]]
        planes = [pixels] if pixels.ndim == 2 else list(np.moveaxis(pixels, -1, 0))
        small = [
            np.asarray(Image.fromarray(np.ascontiguousarray(plane)).resize((shape[0], shape[1]), _SMOOTH))
            for plane in (plane if plane.dtype == np.uint8 else plane.astype(np.float32) for plane in planes)
        ]
        pixels = small[0] if pixels.ndim == 2 else np.stack(small, axis=-1)
    if pixels.dtype == np.uint8:
        return np.ascontiguousarray(pixels)
    return np.rint(pixels).clip(-32768, 32767).astype(np.int16)


_SMOOTH = Image.Resampling.BILINEAR


def _grey(pixels: Shaped[np.ndarray, "h w *c"], grey_range: GreyRange | None) -> UInt8[np.ndarray, "h w *c"]:
    low, high = grey_range or (float(pixels.min()), float(pixels.max()))
    share = (pixels - low) / (high - low) if high > low else np.zeros(pixels.shape)
    return np.rint(np.clip(share, 0, 1) * 255).astype(np.uint8)


def _range_in_words(grey_range: GreyRange | None) -> str:
    if grey_range is None:
        return "shown as in its file"
    return f"shown by the range of all images: black {grey_range[0]:.4g}, white {grey_range[1]:.4g}"


def _heat(
    explanation: Explanation, shapes: Sequence[tuple[int, ...]]
) -> dict[str, dict[int, UInt8[np.ndarray, "h w"]]]:
    """The heat of each finding at the size of the slices that are held."""
    return {
        finding: {one.place.index: _levels(one.heat, shapes[one.place.index]) for one in explained}
        for finding, explained in explanation.findings.items()
    }


def _levels(heat: Float[np.ndarray, "h w"], shape: tuple[int, ...]) -> UInt8[np.ndarray, "h2 w2"]:
    image = Image.fromarray(np.rint(np.clip(heat, 0, 1) * 255).astype(np.uint8))
    return np.asarray(image if heat.shape == shape else image.resize((shape[1], shape[0]), _SMOOTH))


def _draw_boxes(picture: Image.Image, boxes: Sequence[DrawnBox]) -> None:
    pen = ImageDraw.Draw(picture)
    sides = np.tile(picture.size, 2)
    for box in boxes:
        x0, y0, x1, y1 = (np.array(box.corners) * sides).tolist()
        pen.rectangle((x0 - 1, y0 - 1, max(x0, x1) + 1, max(y0, y1) + 1), outline=EDGE, width=4)
        pen.rectangle((x0, y0, max(x0, x1), max(y0, y1)), outline=BOX, width=2)
