"""How large the pixels of an image are, as its header says, and whether they are squares."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pydicom

from mmdx.data.order.geometry import frame_value, vector

SQUARE = 1.01
"""Pixels of which neither side is longer than this many of the other count as squares."""
SAME_SIZE = 0.01
"""Sizes that differ by less than this share are one: DICOM writes them as decimal strings, rounded at will."""
SPACINGS = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")
"""The elements that hold millimetres, from the strongest; the second is measured at the detector of an x-ray."""


@dataclass(frozen=True)
class PixelSize:
    """The sides of a pixel, `across` (from column to column) and `down` (from row to row), both above 0.

    In millimetres where they are `known`; else their ratio alone means something.
    """

    across: float
    down: float
    known: bool = True

    @property
    def is_square(self) -> bool:
        return max(self.across, self.down) <= SQUARE * min(self.across, self.down)

    @property
    def aspect(self) -> tuple[float, float]:
        """How many of its shorter side each side is long, across and down; 1 for both of a square."""
        shorter = min(self.across, self.down)
        return (1.0, 1.0) if self.is_square else (self.across / shorter, self.down / shorter)

    def is_like(self, other: PixelSize) -> bool:
        """Whether both are the same size, up to rounding."""
        pairs = ((self.across, other.across), (self.down, other.down))
        return self.known == other.known and all(abs(a - b) < SAME_SIZE * max(a, b) for a, b in pairs)

    def __str__(self) -> str:
        return f"{self.across:.4g} x {self.down:.4g}{' mm' if self.known else ''}"


def pixel_size_of(header: pydicom.Dataset, frame: int) -> PixelSize | None:
    """The size of the pixels of one frame, None where its header does not say it, or nothing usable.

    The ratio of PixelAspectRatio counts where nothing says millimetres.
    """
    for keyword in (*SPACINGS, "PixelAspectRatio"):
        sides = vector(frame_value(header, frame, keyword), 2)
        if sides is not None and min(sides) > 0:
            return PixelSize(sides[1], sides[0], known=keyword in SPACINGS)
    return None


def size_problems(sizes: Iterable[PixelSize | None]) -> list[str]:
    """Sentences on images that belong together: pixels that are no squares, and pixels of several sizes."""
    found = list(dict.fromkeys(size for size in sizes if size is not None))
    if not found:
        return []
    small, large = (pick(found, key=lambda size: (size.across * size.down, size.across)) for pick in (min, max))
    several = any(not size.is_like(found[0]) for size in found)
    problems = [f"pixels measure {small} to {large}: fields of view of different size"] if several else []
    oblong = next((size for size in found if not size.is_square), None)
    return problems + ([f"pixels measure {oblong} (across x down); resampled to squares"] if oblong else [])
