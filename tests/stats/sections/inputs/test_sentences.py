"""When an input counts as used."""

from __future__ import annotations

import numpy as np
import pytest

from mmdx.stats.comparison.drawn import Drawn
from mmdx.stats.sections.inputs.measures import Moved
from mmdx.stats.sections.inputs.sentences import verdict


def cost(low: float, high: float, refused: str | None = None) -> Moved:
    drawn = Drawn((low + high) / 2, np.linspace(low, high, 400), refused)
    nothing = Drawn(0.0, np.zeros(400), refused)
    return Moved(drawn, drawn.minus(nothing), None, drawn)


@pytest.mark.parametrize(
    ("moved", "word"),
    [
        (cost(-0.01, 0.015), "unused"),
        (cost(0.005, 0.015), "unused"),
        (cost(0.005, 0.3), "used"),
        (cost(-0.1, 0.3), "untold"),
        (cost(-0.3, -0.1), "unused"),
        (cost(0.2, 0.3, "too few patients"), "untold"),
    ],
)
def test_the_interval_decides(moved: Moved, word: str):
    assert verdict(moved) == word
