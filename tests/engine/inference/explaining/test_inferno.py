"""The colours of heat."""

from __future__ import annotations

import numpy as np
from matplotlib import colormaps

from mmdx.engine.inference.explaining.inferno import INFERNO


def test_the_colours_are_those_of_matplotlib():
    assert np.array_equal(INFERNO, (255 * colormaps["inferno"](np.arange(256))[:, :3]).round())
