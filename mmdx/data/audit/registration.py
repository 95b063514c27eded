"""Whether two images are one picture, moved and scaled a little: their correlation where they fit best."""

from __future__ import annotations

from functools import cache

import numpy as np
from jaxtyping import Float, Float32
from scipy.fft import irfft2, rfft2
from scipy.ndimage import gaussian_filter

SIDE = 64
"""The side at which images are compared, in pixels."""
_MARGIN = 6
"""What is left out at every edge of the first image, so that it has room to move in the second: about 9 % of a side."""
_SHIFT = 5
_COARSE = (0.94, 0.97, 1.0, 1.03, 1.06)
_FINE = 0.015
_AT_ONCE = 256


def best_correlations(
    first: Float32[np.ndarray, "n s s"], second: Float32[np.ndarray, "n s s"]
) -> Float[np.ndarray, "n"]:
    """The highest correlation of each pair of thumbnails over shifts to 8 % and scales to 7.5 %, sides `SIDE`.

    Grey levels are first made local: less their mean in the neighbourhood, over its standard deviation. So brightness
    and contrast do not matter, and a skull or a rib cage, which all images have, counts no more than what lies in it.
    """
    parts = [np.zeros(0)]
    for start in range(0, len(first), _AT_ONCE):
        chosen = slice(start, start + _AT_ONCE)
        parts.append(_correlate(_local(first[chosen]), _local(second[chosen])))
    return np.concatenate(parts)


def _local(small: Float32[np.ndarray, "n s s"]) -> Float32[np.ndarray, "n s s"]:
    detail = small - gaussian_filter(small, (0, 3, 3))
    spread = np.sqrt(gaussian_filter(detail**2, (0, 4, 4)))
    # What is added keeps the noise of flat regions down: 2 grey levels, and 2 % of the contrast of the image.
    return detail / (spread + 2 + 0.02 * small.std(axis=(1, 2), keepdims=True))


def _correlate(first: Float32[np.ndarray, "n s s"], second: Float32[np.ndarray, "n s s"]) -> Float[np.ndarray, "n"]:
    inner = slice(_MARGIN, SIDE - _MARGIN)
    template = first[:, inner, inner] - first[:, inner, inner].mean(axis=(1, 2), keepdims=True)
    template /= np.linalg.norm(template, axis=(1, 2), keepdims=True) + 1e-6
    spectrum = np.conj(np.asarray(rfft2(template, (SIDE, SIDE))))
    correlations = np.stack(
        [_best_shift(spectrum, _enlarging(scale) @ second @ _enlarging(scale).T) for scale in _COARSE]
    )
    best = np.array(_COARSE)[correlations.argmax(axis=0)]
    for step in (-_FINE, _FINE):
        finer = np.stack([_enlarging(round(float(scale), 4)) for scale in best + step])
        correlations = np.concatenate(
            [correlations, _best_shift(spectrum, finer @ second @ finer.transpose(0, 2, 1))[None]]
        )
    return correlations.max(axis=0).astype(float)


def _best_shift(spectrum: np.ndarray, image: Float32[np.ndarray, "n s s"]) -> Float[np.ndarray, "n"]:
    """The best correlation of each image, over all shifts, with the template of which the spectrum is given."""
    window = np.zeros((SIDE, SIDE), dtype=np.float32)
    window[: SIDE - 2 * _MARGIN, : SIDE - 2 * _MARGIN] = 1
    box, spectra, squared_spectra = (np.asarray(rfft2(part)) for part in (window, image, image**2))
    products, sums, squares = (
        np.asarray(irfft2(part, (SIDE, SIDE)))
        for part in (spectra * spectrum, spectra * np.conj(box), squared_spectra * np.conj(box))
    )
    spread = np.sqrt(np.maximum(squares - sums**2 / window.sum(), 1e-3))
    moves = slice(_MARGIN - _SHIFT, _MARGIN + _SHIFT + 1)
    return (products / spread)[:, moves, moves].max(axis=(1, 2))


@cache
def _enlarging(scale: float) -> Float32[np.ndarray, "s s"]:
    """The matrix that resamples a column of `SIDE` pixels, enlarged about its middle, linearly; edges are repeated."""
    middle = (SIDE - 1) / 2
    source = np.clip((np.arange(SIDE) - middle) / scale + middle, 0, SIDE - 1)
    low = np.minimum(source.astype(int), SIDE - 2)
    matrix = np.zeros((SIDE, SIDE), dtype=np.float32)
    matrix[np.arange(SIDE), low] = 1 - (source - low)
    matrix[np.arange(SIDE), low + 1] += (source - low).astype(np.float32)
    return matrix
