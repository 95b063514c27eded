from __future__ import annotations

import itertools

import numpy as np
import pytest

from mmdx.data.images.letterbox import Letterbox, visible_margins
from mmdx.data.order.display import Turn
from mmdx.data.order.pixel_size import PixelSize

WIDE = Letterbox(width=200, height=100, size=50)
"""Becomes 50 x 25 in a square of 50, 12 pixels from the top and 13 from the bottom."""


def test_the_longer_side_fills_the_square_and_the_shorter_stands_in_its_middle() -> None:
    assert (WIDE.scale, WIDE.shape, WIDE.margins) == (0.25, (50, 25), (0, 12))
    upright = Letterbox(width=8, height=16, size=16)
    assert (upright.scale, upright.shape, upright.margins) == (1.0, (8, 16), (4, 0))


def test_a_line_of_pixels_keeps_one() -> None:
    assert Letterbox(width=1000, height=1, size=10).shape == (10, 1)


def test_corners_go_to_the_stored_image() -> None:
    assert WIDE.to_stored(np.array([40.0, 0, 80, 100])).tolist() == [10, 12, 20, 37]


def test_corners_come_back_and_what_lies_in_the_margins_is_cut_off() -> None:
    corners = np.array([[10.0, 12, 20, 37], [0, 0, 50, 50]])
    assert WIDE.to_source(corners).tolist() == [[40, 0, 80, 100], [0, 0, 200, 104]]


TURNED = [
    Letterbox(37, 91, 64, Turn(*turn), PixelSize(0.5, 0.8)) for turn in itertools.product([False, True], repeat=3)
]


@pytest.mark.parametrize("letterbox", [WIDE, Letterbox(37, 91, 64), Letterbox(5, 5, 224), *TURNED])
def test_there_and_back_is_the_same_place(letterbox: Letterbox) -> None:
    corners = np.array([[1.0, 2.0, 3.5, 4.0], [0.0, 0.0, letterbox.width, letterbox.height]])
    assert letterbox.to_source(letterbox.to_stored(corners)) == pytest.approx(corners, abs=1 / letterbox.scale)


def test_pixels_that_are_no_squares_are_stretched_along_their_longer_side() -> None:
    flat = Letterbox(width=40, height=20, size=80, pixel=PixelSize(1.0, 2.0))
    assert (flat.shown, flat.shape, flat.margins, flat.pixel_mm) == ((40, 40), (80, 80), (0, 0), 0.5)
    assert flat.to_stored(np.array([10.0, 5, 20, 10])).tolist() == [20, 20, 40, 40]
    assert flat.sides_mm(np.array([[10.0, 5, 20, 10]])).tolist() == [[10, 10]]


def test_millimetres_are_known_or_none() -> None:
    ratio = Letterbox(width=40, height=20, size=80, pixel=PixelSize(1.0, 2.0, known=False))
    assert (ratio.shape, ratio.pixel_mm, ratio.sides_mm(np.ones(4))) == ((80, 80), None, None)
    assert (WIDE.pixel_mm, WIDE.sides_mm(np.ones(4))) == (None, None)


def test_a_turned_image_lies_turned_in_its_square() -> None:
    turned = Letterbox(200, 100, 50, Turn.of("AL"))  # rows run forward: a picture with the face up is 100 x 200
    assert (turned.shape, turned.margins) == ((25, 50), (12, 0))
    assert turned.to_stored(np.array([0.0, 0, 40, 20])).tolist() == [12, 40, 17, 50]


def test_margins_are_seen_in_the_pixels() -> None:
    image = np.zeros((10, 10), dtype=bool)
    assert visible_margins(image) == (1.0, 1.0)
    image[2:7, 1:9] = True  # 2 above, 3 below, 1 on each side
    assert visible_margins(image) == (0.4, 0.2)
