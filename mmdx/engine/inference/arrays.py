"""A study that lies in memory: images as NumPy arrays and texts, by input of a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from mmdx.errors import DataError, UsageError, did_you_mean
from mmdx.study import Order, Unit

Arrays = np.ndarray | Mapping[str, np.ndarray | str]
"""One study: an array for the only image input of a model, or an array or a text by the name of each input."""
NAME = "study"
"""The identifier of a study that came without one."""


@dataclass(frozen=True)
class ImageArrays:
    """The images of one input, `[n h w]` or `[n h w 3]`, in the order in which they were given.

    Plain images are uint8, CT in Hounsfield units is int16.
    """

    pixels: np.ndarray
    order: Order = field(default_factory=lambda: Order("given"))

    @property
    def unit(self) -> Unit:
        return "HU" if self.pixels.dtype == np.int16 else "intensity"


@dataclass(frozen=True)
class ArrayStudy:
    """One exam of one patient in memory; what `Study` is for files."""

    modalities: Mapping[str, ImageArrays | str]
    study_id: str = NAME
    patient_id: str = NAME
    traits: Mapping[str, str | float] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


def array_study(arrays: Arrays, images: Sequence[str], texts: Sequence[str]) -> ArrayStudy:
    """`arrays` as a study for a model whose image inputs are `images` and whose text inputs are `texts`.

    Raises `UsageError` for an input that the model does not have, and `DataError` for an array that is no image:
    neither `[n h w]` nor `[n h w 3]`, without an image, or of another type than uint8 or int16.
    """
    if isinstance(arrays, np.ndarray):
        if len(images) != 1:
            names = ", ".join(images) or "none"
            raise UsageError(f"an array alone is for a model of one image input, and this one has: {names}; give a "
                             "mapping of input name to array")  # fmt: skip
        arrays = {images[0]: arrays}
    modalities: dict[str, ImageArrays | str] = {}
    for name, value in arrays.items():
        inputs = texts if isinstance(value, str) else images
        if name not in inputs:
            what = "text" if isinstance(value, str) else "images"
            raise UsageError(f"input '{name}': the model reads no such {what}; {did_you_mean(name, inputs)}")
        modalities[name] = value if isinstance(value, str) else ImageArrays(_checked(name, value))
    return ArrayStudy(modalities)


def _checked(name: str, pixels: np.ndarray) -> np.ndarray:
    grey, colour = pixels.ndim == 3, pixels.ndim == 4 and pixels.shape[-1] == 3
    if not (grey or colour) or 0 in pixels.shape:
        raise DataError(f"input '{name}': an array of shape {pixels.shape}; give [n h w] or [n h w 3], n at least 1")
    if pixels.dtype not in (np.uint8, np.int16):
        raise DataError(
            f"input '{name}': an array of {pixels.dtype}; give uint8 for plain images, int16 for Hounsfield units"
        )
    if colour and pixels.dtype == np.int16:
        raise DataError(f"input '{name}': colour in int16; Hounsfield units have one channel, plain images are uint8")
    return pixels
