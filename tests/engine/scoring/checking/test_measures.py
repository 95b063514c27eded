"""Deletion, insertion and hits of a model of which it is known what it looks at."""

from __future__ import annotations

import pytest
import torch

from mmdx.engine.scoring.checking.asked import Explained
from mmdx.engine.scoring.checking.measures import _area, deletion, hit, insertion, removal

SPOT = torch.zeros(1, 16, 16)
SPOT[0, 6:8, 6:8] = 1.0


class Spot(Explained):
    """An answer that is how bright a spot is."""

    def __init__(self) -> None:
        object.__setattr__(self, "modality", "image")
        object.__setattr__(self, "images", (0,))

    def seen(self) -> torch.Tensor:
        seen = torch.zeros(1, 1, 16, 16)
        seen[0, 0, 6:8, 6:8] = 1.0
        return seen

    def score(self, images: torch.Tensor) -> float:
        return float(images[0, 0, 6:8, 6:8].mean())

    def score_without(self, modality: str, items: torch.Tensor) -> float:
        return 1.0 - 0.5 * (3 in items.tolist())


ASKED = Spot()


def test_heat_on_what_is_used_deletes_early_and_inserts_early():
    elsewhere = SPOT.roll((8, 8), (1, 2))
    assert deletion(ASKED, SPOT) < deletion(ASKED, elsewhere) - 0.1
    assert insertion(ASKED, SPOT) > insertion(ASKED, elsewhere) + 0.1


def test_an_area_by_hand():
    assert _area([1.0] * 7) == pytest.approx(1)
    assert _area([1.0] * 6 + [0.0]) == pytest.approx(0.85)


def test_the_hottest_pixel_hits_or_does_not():
    inside = SPOT > 0
    assert hit(SPOT, inside) == (1.0, pytest.approx(1 / 64))
    assert hit(SPOT.roll(8, 1), inside)[0] == 0.0


def test_items_that_count_are_left_out_against_others():
    weights = torch.zeros(10)
    weights[3] = 1.0
    without, others = removal(ASKED, "report", weights, torch.Generator().manual_seed(1))
    assert without == 0.5
    assert others > 0.5
    assert removal(ASKED, "report", weights[:2], torch.Generator()) is None
