"""The slices of a study as their files have them: where each is found again, its pixels at its own size and window,
turned for display as models see them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Shaped
from PIL import Image

from mmdx.data.dicom.files import is_dicom, read_header
from mmdx.data.dicom.grayscale import frame_attributes, window
from mmdx.data.images.decode import GreyRange, shown_images
from mmdx.data.images.letterbox import Letterbox
from mmdx.data.images.windows import Window
from mmdx.data.order.geometry import slice_of
from mmdx.engine.inference.arrays import ImageArrays
from mmdx.engine.inference.raw import Images
from mmdx.study import ImageRef


@dataclass(frozen=True)
class SlicePlace:
    """Where one image is found again: `index`, its 0-based place among the `count` images of its study in certified
    order; its `file`, named from the folder that holds all of them; the 1-based `frame` in a file of several;
    InstanceNumber and SOPInstanceUID; and where it lies in mm of patient coordinates along the slice normal, for axial
    slices of a supine head from the feet up. None: nobody knows."""

    index: int
    count: int = 0
    file: str | None = None
    frame: int | None = None
    instance_number: int | None = None
    sop_instance_uid: str | None = None
    position_mm: float | None = None

    @property
    def number(self) -> int:
        """The 1-based number, as a viewer counts."""
        return self.index + 1

    def in_words(self) -> str:
        """`slice 118 of 240, InstanceNumber 123, 13.1 mm`: what is known, but neither file nor UID."""
        of_all = f" of {self.count}" if self.count else ""
        words = [f"slice {self.number}{of_all}"]
        words += [f"frame {self.frame}"] if self.frame is not None else []
        words += [f"InstanceNumber {self.instance_number}"] if self.instance_number is not None else []
        words += [f"{self.position_mm:.1f} mm"] if self.position_mm is not None else []
        return ", ".join(words)

    def to_json(self) -> dict[str, Any]:
        """The entry of a slice; `slice` is its 0-based place, as in files of predictions."""
        return {
            "number": self.number,
            "slice": self.index,
            "file": self.file,
            "frame": self.frame,
            "instance_number": self.instance_number,
            "sop_instance_uid": self.sop_instance_uid,
            "position_mm": self.position_mm,
        }


@dataclass(frozen=True)
class SourceSlice:
    """One image as it is shown at the size of its file: where it is found, its `pixels` from 0 to 1, grey or in colour,
    and in words the window or the range of values in which they are shown."""

    place: SlicePlace
    pixels: Float[np.ndarray, "h w *c"]
    window: str


@dataclass(frozen=True)
class FileSlice:
    """One image with its values: where it is found, its `pixels` at the size of its file (uint8 for display, else
    Hounsfield units or what `grey_range` scales), and the `window` that its file names for CT."""

    place: SlicePlace
    pixels: Shaped[np.ndarray, "h w *c"]
    window: Window | None = None


@dataclass(frozen=True)
class SourceSlices:
    """The images of a study from which an input is made, in certified order. CT is shown in its file's own window, else
    in `window`; deep images by the `grey_range` in which the model reads all of them."""

    images: Images
    window: Window
    grey_range: GreyRange | None = None

    def read(self, indices: Sequence[int]) -> list[SourceSlice]:
        """The images at these 0-based places. Raises `DataError` where one cannot be decoded."""
        return [self._shown(one.place, one.pixels, one.window) for one in self.values(indices)]

    def values(self, indices: Sequence[int]) -> list[FileSlice]:
        """The same images with their values, as no window has cut them yet."""
        if isinstance(self.images, ImageArrays):
            pixels, count = self.images.pixels, len(self.images.pixels)
            return [FileSlice(SlicePlace(index, count), pixels[index]) for index in indices]
        refs = [self.images.images[index] for index in indices]
        sources = shown_images(self.images, refs)
        return [self._located(index, ref, pixels) for index, ref, pixels in zip(indices, refs, sources, strict=True)]

    def _located(self, index: int, ref: ImageRef, pixels: np.ndarray) -> FileSlice:
        assert not isinstance(self.images, ImageArrays)
        refs = self.images.images
        above = os.path.commonpath([other.path.parent for other in refs])
        name = Path(os.path.relpath(ref.path, above)).as_posix()
        several = sum(other.path == ref.path for other in refs) > 1
        place = SlicePlace(index, len(refs), name, ref.frame + 1 if several else None)
        if not is_dicom(ref.path):
            return FileSlice(place, pixels)
        header = read_header(ref.path)
        lies = slice_of(ref, header)
        along = None
        if lies.position is not None and lies.normal is not None:
            along = round(float(np.dot(lies.position, lies.normal)), 3)
        uid = str(header.get("SOPInstanceUID") or "") or None
        place = SlicePlace(index, len(refs), name, place.frame, lies.instance, uid, along)
        return FileSlice(place, pixels, window(frame_attributes(header, ref.frame)))

    def _shown(self, place: SlicePlace, pixels: np.ndarray, own: Window | None) -> SourceSlice:
        if pixels.dtype == np.uint8:
            return SourceSlice(place, pixels.astype(np.float32) / 255, "as in its file")
        if self.images.unit != "HU":
            assert self.grey_range is not None  # the model read the same files, and scaled what is deep
            low, high = self.grey_range
            shown = np.clip((pixels - low) / (high - low), 0, 1) if high > low else np.zeros_like(pixels)
            return SourceSlice(place, shown, f"range of all images: black {low:.4g}, white {high:.4g}")
        centre, width = own or self.window
        shown = np.clip((pixels.astype(np.float32) - (centre - width / 2)) / width, 0, 1)
        whose = "window of the file" if own else "window of the model"
        return SourceSlice(place, shown, f"{whose}: centre {centre:g}, width {width:g} HU")


def heat_on_source(heat: Float[np.ndarray, "s s"], letterbox: Letterbox) -> Float[np.ndarray, "h w"]:
    """Heat of a stored image over its source as it is shown: the margins cut off, at the size of `letterbox.shown`."""
    (x, y), (width, height) = letterbox.margins, letterbox.shape
    inner = Image.fromarray(heat[y : y + height, x : x + width].astype(np.float32))
    return np.asarray(inner.resize(letterbox.shown, Image.Resampling.BILINEAR))
