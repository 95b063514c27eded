"""A picture of a slice under its heat."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmdx.engine.inference.explaining.inferno import INFERNO
from mmdx.engine.inference.explaining.overlay import (
    BAR,
    HEAD,
    LARGEST,
    MARGIN,
    STRONGEST,
    Overlay,
    blended,
    draw_overlay,
    drawn_size,
    overlay_picture,
)

PIXELS = np.full((2, 2), 0.5)
HEAT = np.array([[0.0, 1.0], [0.5, 0.0]])
PICTURE = Overlay(PIXELS, HEAT, "bleed", "score 0.26", "ct, slice 3 of 9", "window of the file: centre 40, width 80 HU")


def test_the_titles_say_what_and_where():
    assert PICTURE.name == "bleed: score 0.26"
    assert PICTURE.titles == (
        "ct, slice 3 of 9\nwindow of the file: centre 40, width 80 HU",
        "where the network looked",
    )


def test_what_stands_where_on_a_picture():
    drawn = np.asarray(overlay_picture(PICTURE).convert("L")).astype(int)
    side, bar = 384, 3 * MARGIN + 2 * 384
    assert (drawn[HEAD + 10, MARGIN + 10], drawn[HEAD + side - 10, MARGIN + side - 10]) == (128, 128)
    assert drawn[HEAD + 10, 2 * MARGIN + side + 10] == 128  # no heat is clear
    scale = np.asarray(overlay_picture(PICTURE))[HEAD + 1 : HEAD + side - 1, bar + BAR // 2]
    assert abs(scale[[0, -1]].astype(int) - INFERNO[[255, 0]]).max() <= 3
    # Letters: of the name, of either title, of the numbers beside the bar.
    for rows, columns in (
        (slice(8, 30), slice(300, 560)),
        (slice(40, HEAD), slice(MARGIN, MARGIN + side)),
        (slice(40, HEAD), slice(2 * MARGIN + side, 2 * MARGIN + 2 * side)),
        (slice(HEAD, HEAD + side), slice(bar + BAR + 5, bar + BAR + 30)),
        (slice(HEAD, HEAD + side), slice(bar + BAR + 32, drawn.shape[1])),
    ):
        assert drawn[rows, columns].min() < 80
    assert drawn[:, :4].min() == drawn[:, -4:].min() == 255


def test_a_long_title_is_written_smaller_and_stays_over_its_image():
    long = Overlay(PIXELS, HEAT, "bleed", "score 0.26", "ct, " + "a long place " * 5, "")
    drawn = np.asarray(overlay_picture(long).convert("L"))
    assert drawn[40:HEAD, MARGIN : MARGIN + 384].min() < 128
    assert drawn[:HEAD, : MARGIN // 2].min() == 255


def test_letters_of_other_languages_are_written():
    one, other = (overlay_picture(Overlay(PIXELS, HEAT, name, "", "ct", "")) for name in ("Ödem", "отёк"))
    blank = overlay_picture(Overlay(PIXELS, HEAT, "\ue000\ue000\ue000\ue000", "", "ct", ""))
    assert one != blank != other


def test_no_heat_is_clear_and_the_largest_has_the_colour_of_the_top():
    pixels = np.full((1, 3, 3), 100, np.uint8)
    clear, some, most = blended(pixels, np.array([[0.0, 0.5, 1.0]]))[0].tolist()
    assert clear == [100, 100, 100]
    top = INFERNO[255]
    assert most == pytest.approx(100 * (1 - STRONGEST) + top * STRONGEST, abs=1)
    half = INFERNO[128].astype(float)
    assert some == pytest.approx(100 * (1 - STRONGEST / 2) + half * STRONGEST / 2, abs=1)


def test_a_slice_without_any_heat_says_so():
    cold = Overlay(PIXELS, np.zeros((2, 2)), "bleed", "score 0.10", "ct, slice 1", "")
    assert cold.titles == ("ct, slice 1", "no heat: nothing here speaks for it")


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
