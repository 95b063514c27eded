"""Stored images as they are looked at: Hounsfield units in a window, everything else as it is."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Shaped, UInt8

Window = tuple[float, float]
"""Centre and width in Hounsfield units."""
BRAIN: Window = (40.0, 80.0)
"""The window of CT whose model has none."""
WINDOWS: Mapping[str, Window] = {
    "brain": BRAIN,
    "subdural": (75.0, 215.0),
    "bone": (600.0, 2800.0),
    "lung": (-600.0, 1500.0),
    "soft tissue": (50.0, 400.0),
}
"""As radiologists commonly set them."""


def looked_at(image: Shaped[np.ndarray, "c h w"], window: Window) -> UInt8[np.ndarray, "h w *k"]:
    """An image as it is looked at: Hounsfield units in their window, colour as it is, of other channels the first."""
    if image.dtype == np.uint8:
        return np.moveaxis(image, 0, -1) if len(image) == 3 else image[0]
    low, width = window[0] - window[1] / 2, window[1]
    return np.rint(np.clip((image[0].astype(np.float32) - low) / width, 0, 1) * 255).astype(np.uint8)
