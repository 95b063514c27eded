"""Stored images in a few numbers: a digest of every pixel, a perceptual hash, brightness, frame.

The perceptual hash is a grid of 8 x 8 histograms of 4 gradient directions (Dalal and Triggs 2005, CVPR) over a 32 x 32
thumbnail: 256 numbers. Directions do not mind brightness or contrast, and soft cells hardly mind a shift of 3 %, which
the signs of a cosine transform (pHash) do: cropped head CTs lay farther from their originals than other patients' did.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float16, Float32, Int, Shaped
from PIL import Image
from scipy.ndimage import gaussian_filter

from mmdx.study import Unit

SIDE = 32
"""The side of a thumbnail; images that are stored smaller have no perceptual hash."""
CELLS, DIRECTIONS = 8, 4
SOFT_TISSUE = (-50, 150)
"""Hounsfield units that a thumbnail tells apart; air and bone are ends of the scale."""
LEAST_CONTRAST = 2.0
"""The standard deviation of a thumbnail, in grey levels of 255, below which an image counts as blank (air, padding)."""
DARK = 8
"""Grey levels up to which a pixel counts as background."""
FACTS = ("brightness", "contrast", "background", "aspect")


@dataclass(frozen=True)
class ImageFacts:
    """The images of one modality over a whole store; images are numbered study after study, `owner` is the study's row.

    `place` is the index of the image in its study. `facts` are, in grey levels and shares: mean, standard deviation,
    share of background pixels, height over width of what is not background.
    """

    owner: Int[np.ndarray, "n"]
    place: Int[np.ndarray, "n"]
    digests: Shaped[np.ndarray, "n"]
    blank: Bool[np.ndarray, "n"]
    hashes: Float16[np.ndarray, "n d"]
    facts: Float32[np.ndarray, "n 4"]

    def of(self, row: int) -> slice:
        """Where the images of a study stand."""
        return slice(int(np.searchsorted(self.owner, row)), int(np.searchsorted(self.owner, row, side="right")))


def describe(pixels: Shaped[np.ndarray, "n c h w"], unit: Unit) -> dict[str, np.ndarray]:
    """Digests, blankness, hashes and facts of the images of one study: the fields of `ImageFacts` but for the owner."""
    digests = [hashlib.blake2b(image.tobytes(), digest_size=16).hexdigest() for image in pixels]
    small = thumbnails(pixels, unit, SIDE)
    return {
        "place": np.arange(len(pixels)),
        "digests": np.array(digests, dtype="U32"),
        "blank": small.std(axis=(1, 2)) < LEAST_CONTRAST,
        "hashes": perceptual_hash(small).astype(np.float16),
        "facts": _facts(small),
    }


def thumbnails(pixels: Shaped[np.ndarray, "n c h w"], unit: Unit, side: int) -> Float32[np.ndarray, "n side side"]:
    """Grey levels from 0 to 255, averaged over the pixels that each stands for."""
    small = np.zeros((len(pixels), side, side), dtype=np.float32)
    reduces = min(pixels.shape[2:]) >= side
    for image, planes in zip(small, pixels, strict=True):
        grey = planes.mean(axis=0, dtype=np.float32)
        if unit == "HU":
            low, high = SOFT_TISSUE
            grey = (np.clip(grey, low, high) - low) * (255 / (high - low))
        method = Image.Resampling.BOX if reduces else Image.Resampling.BILINEAR
        image[:] = np.asarray(Image.fromarray(grey).resize((side, side), method))
    return small


def perceptual_hash(small: Float32[np.ndarray, "n s s"]) -> Float32[np.ndarray, "n d"]:
    """One vector of length 1 per image; the scalar product of two says how alike they are. Zeros for a blank image."""
    smooth = gaussian_filter(small, (0, 1, 1))
    down, right = np.gradient(smooth, axis=1), np.gradient(smooth, axis=2)
    strength = np.hypot(right, down)
    direction = (np.arctan2(down, right) % np.pi) * (DIRECTIONS / np.pi)
    step = SIDE // CELLS
    cells = []
    for index in range(DIRECTIONS):
        turn = np.abs(direction - index)
        share = np.clip(1 - np.minimum(turn, DIRECTIONS - turn), 0, None)
        pooled = gaussian_filter(strength * share, (0, step / 2, step / 2))
        cells.append(pooled[:, step // 2 :: step, step // 2 :: step].reshape(len(small), -1))
    values = np.sqrt(np.concatenate(cells, axis=1))
    return unit_rows(values - values.mean(axis=1, keepdims=True))


def unit_rows(values: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n d"]:
    """Rows of length 1; those that are zero stay so."""
    length = np.linalg.norm(values, axis=1, keepdims=True)
    return np.divide(values, length, out=np.zeros_like(values), where=length > 1e-6)


def _facts(small: Float32[np.ndarray, "n s s"]) -> Float32[np.ndarray, "n 4"]:
    foreground = small > DARK
    height, width = foreground.any(axis=2).sum(axis=1), foreground.any(axis=1).sum(axis=1)
    aspect = np.divide(height, width, out=np.ones(len(small)), where=width > 0)
    columns = (small.mean(axis=(1, 2)), small.std(axis=(1, 2)), 1 - foreground.mean(axis=(1, 2)), aspect)
    return np.stack(columns, axis=1).astype(np.float32)
