"""How a source image lies in its square stored one: turned for display, by square pixels, letter-boxed; in both
directions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from mmdx.data.order.display import AS_STORED, Turn
from mmdx.data.order.pixel_size import PixelSize


@dataclass(frozen=True)
class Letterbox:
    """A source image of `width` x `height` pixels, each of size `pixel`, in a square of `size` stored pixels.

    The source is turned as `turn` says and shown by square pixels; then its longer side fills the square, and the rest
    is margin. Corners are `[... 4]`: x0, y0, x1, y1 in pixels, from the outer corner of the image, x to the right and y
    down. On the shorter side they are exact to half a stored pixel.
    """

    width: int
    height: int
    size: int
    turn: Turn = AS_STORED
    pixel: PixelSize | None = None

    @property
    def extent(self) -> tuple[float, float]:
        """Width and height of the image as it is shown, in sides of a source pixel, of its shorter side."""
        across, down = self._aspect
        return self.turn.pair(self.width * across, self.height * down)

    @property
    def shown(self) -> tuple[int, int]:
        """Width and height of the image as it is shown, in square pixels; those of the source where it has squares."""
        width, height = self.extent
        return max(1, round(width)), max(1, round(height))

    @property
    def scale(self) -> float:
        """Stored pixels per source pixel, along its shorter side."""
        return self.size / max(self.extent)

    @property
    def shape(self) -> tuple[int, int]:
        """Width and height of the scaled image without its margins, in stored pixels; never 0."""
        width, height = self.extent
        return max(1, round(width * self.scale)), max(1, round(height * self.scale))

    @property
    def margins(self) -> tuple[int, int]:
        """The stored pixels to the left of the image, and above it. An odd pixel more lies to the right, or below."""
        width, height = self.shape
        return (self.size - width) // 2, (self.size - height) // 2

    @property
    def pixel_mm(self) -> float | None:
        """The side of a stored pixel in mm, None where nobody knows."""
        if self.pixel is None or not self.pixel.known:
            return None
        return min(self.pixel.across, self.pixel.down) / self.scale

    def sides_mm(self, corners: Float[np.ndarray, "*n 4"]) -> Float[np.ndarray, "*n 2"] | None:
        """Width and height in mm of corners on the source image, along its own axes; None where nobody knows."""
        if self.pixel is None or not self.pixel.known:
            return None
        return (corners[..., 2:] - corners[..., :2]) * np.array([self.pixel.across, self.pixel.down])

    def to_shown(self, corners: Float[np.ndarray, "*n 4"]) -> Float[np.ndarray, "*n 4"]:
        """Corners on the source image as corners on the image as it is shown (`shown`)."""
        return self.turn.forth(corners * np.tile(self._aspect, 2), *self._squares)

    def to_stored(self, corners: Float[np.ndarray, "*n 4"]) -> Float[np.ndarray, "*n 4"]:
        """Corners on the source image as corners on the stored one."""
        return self.to_shown(corners) * self.scale + np.tile(self.margins, 2)

    def to_source(self, corners: Float[np.ndarray, "*n 4"]) -> Float[np.ndarray, "*n 4"]:
        """Corners on the stored image as corners on the source; what lies in the margins is cut off."""
        margins = np.array(self.margins)
        # Both margins of a side count as equally wide here, so an odd pixel more of one is not cut off.
        ends = np.tile((self.size - 2 * margins) / self.scale, 2)
        shown = np.clip((corners - np.tile(margins, 2)) / self.scale, 0, ends)
        return np.maximum(self.turn.back(shown, *self._squares) / np.tile(self._aspect, 2), 0)

    @property
    def _aspect(self) -> tuple[float, float]:
        return self.pixel.aspect if self.pixel is not None else (1.0, 1.0)

    @property
    def _squares(self) -> tuple[float, float]:
        """Width and height of the source in sides of its pixels, of the shorter side; not turned."""
        return self.turn.pair(*self.extent)


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
