"""A picture of a slice under its heat."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib import colormaps
from PIL import Image

from mmdx.engine.inference.explaining.overlay import (
    COLOURS,
    LARGEST,
    SCALE,
    STRONGEST,
    Overlay,
    blended,
    draw_overlay,
    drawn_size,
    overlay_figure,
)

PIXELS = np.full((2, 2), 0.5)
HEAT = np.array([[0.0, 1.0], [0.5, 0.0]])
PICTURE = Overlay(PIXELS, HEAT, "bleed", "score 0.26", "ct, slice 3 of 9", "window of the file: centre 40, width 80 HU")


def test_the_titles_say_what_and_where():
    figure = overlay_figure(PICTURE)
    plain, heated, bar = figure.axes
    assert figure.get_suptitle() == "bleed: score 0.26"
    assert plain.get_title() == "ct, slice 3 of 9\nwindow of the file: centre 40, width 80 HU"
    assert heated.get_title() == "where the network looked"
    assert bar.get_ylabel() == SCALE


def test_no_heat_is_clear_and_the_largest_has_the_colour_of_the_top():
    pixels = np.full((1, 3, 3), 100, np.uint8)
    clear, some, most = blended(pixels, np.array([[0.0, 0.5, 1.0]]))[0].tolist()
    assert clear == [100, 100, 100]
    top = 255 * np.array(colormaps[COLOURS](1.0)[:3])
    assert most == pytest.approx(100 * (1 - STRONGEST) + top * STRONGEST, abs=1)
    half = 255 * np.array(colormaps[COLOURS](0.5)[:3])
    assert some == pytest.approx(100 * (1 - STRONGEST / 2) + half * STRONGEST / 2, abs=1)


def test_a_slice_without_any_heat_says_so():
    cold = Overlay(PIXELS, np.zeros((2, 2)), "bleed", "score 0.10", "ct, slice 1", "")
    assert overlay_figure(cold).axes[1].get_title() == "no heat: nothing here speaks for it"


@pytest.mark.parametrize(
    ("size", "drawn"),
    [
        ((512, 512), (512, 512)),
        ((400, 300), (400, 300)),
        ((64, 32), (384, 192)),
        ((4096, 2048), (LARGEST, LARGEST // 2)),
    ],
)
def test_an_image_is_drawn_at_its_own_size_where_that_can_be_looked_at(size: tuple, drawn: tuple):
    assert drawn_size(*size) == drawn


def test_the_picture_holds_the_pixels_of_the_source(tmp_path: Path):
    source = np.random.default_rng(0).integers(0, 256, (400, 390), dtype=np.uint8)
    cold = Overlay(source / 255, np.zeros(source.shape), "bleed", "score 0.10", "x-ray", "")
    draw_overlay(cold, tmp_path / "a.png")
    drawn = np.asarray(Image.open(tmp_path / "a.png").convert("L")).astype(int)
    found = [
        (y, x)
        for y in range(drawn.shape[0] - 400 + 1)
        for x in range(0, 40)
        if abs(drawn[y, x : x + 390] - source[0]).max() <= 1
        and abs(drawn[y : y + 400, x : x + 390] - source).max() <= 1
    ]
    assert len(found) == 1


def test_a_picture_says_nothing_of_when_and_by_what_it_was_made(tmp_path: Path):
    draw_overlay(PICTURE, tmp_path / "a.png")
    content = (tmp_path / "a.png").read_bytes()
    assert content.startswith(b"\x89PNG")
    assert b"tEXt" not in content
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
