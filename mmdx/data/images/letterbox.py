"""How a source image lies in its square stored one: the geometry of letter-boxing, in both directions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float


@dataclass(frozen=True)
class Letterbox:
    """A source image of `width` x `height` pixels in a square of `size`: its longer side fills it, the rest is margin.

    Corners are `[... 4]`: x0, y0, x1, y1 in pixels, from the outer corner of the image, x to the right and y down. On
    the shorter side they are exact to half a stored pixel.
    """

    width: int
    height: int
    size: int

    @property
    def scale(self) -> float:
        """Stored pixels per source pixel."""
        return self.size / max(self.height, self.width)

    @property
    def shape(self) -> tuple[int, int]:
        """Width and height of the scaled image without its margins, in stored pixels; never 0."""
        return max(1, round(self.width * self.scale)), max(1, round(self.height * self.scale))

    @property
    def margins(self) -> tuple[int, int]:
        """The stored pixels to the left of the image, and above it. An odd pixel more lies to the right, or below."""
        width, height = self.shape
        return (self.size - width) // 2, (self.size - height) // 2

    def to_stored(self, corners: Float[np.ndarray, "*n 4"]) -> Float[np.ndarray, "*n 4"]:
        """Corners on the source image as corners on the stored one."""
        return corners * self.scale + np.tile(self.margins, 2)

    def to_source(self, corners: Float[np.ndarray, "*n 4"]) -> Float[np.ndarray, "*n 4"]:
        """Corners on the stored image as corners on the source; what lies in the margins is cut off."""
        margins = np.array(self.margins)
        # Both margins of a side count as equally wide here, so an odd pixel more of one is not cut off.
        ends = np.tile((self.size - 2 * margins) / self.scale, 2)
        return np.clip((corners - np.tile(margins, 2)) / self.scale, 0, ends)


def visible_margins(image: Bool[np.ndarray, "h w"]) -> tuple[float, float]:
    """The margins above and below a stored image, and beside it, as shares of its side.

    They are told from the pixels alone: `image` is true where a pixel is not background. Black borders of the source
    itself look like margins of letter-boxing. 1 where nothing but background is there.
    """
    return _margin(np.asarray(image.any(axis=1))), _margin(np.asarray(image.any(axis=0)))


def _margin(lines: Bool[np.ndarray, "n"]) -> float:
    """Twice the smaller of both ends: letter-boxing pads both by equally much."""
    filled = np.flatnonzero(lines)
    return 2 * min(int(filled[0]), len(lines) - 1 - int(filled[-1])) / len(lines) if len(filled) else 1.0
