"""A picture of a slice under its heat."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mmdx.engine.inference.overlay import STRONGEST, Overlay, draw_overlay, overlay_figure

GREY = np.full((2, 2), 0.5)
HEAT = np.array([[0.0, 1.0], [0.5, 0.0]])
PICTURE = Overlay(GREY, HEAT, "bleed", 0.256, "ct, slice 3")


def test_the_titles_say_what_and_where():
    figure = overlay_figure(PICTURE)
    plain, heated, bar = figure.axes
    assert figure.get_suptitle() == "bleed: probability 0.26"
    assert plain.get_title() == "ct, slice 3"
    assert heated.get_title() == "where the model looked"
    assert bar.get_ylabel() == "Grad-CAM, share of the study's largest"


def test_no_heat_is_clear():
    heated = overlay_figure(PICTURE).axes[1]
    assert heated.images[1].get_alpha().tolist() == [[0.0, STRONGEST], [0.5 * STRONGEST, 0.0]]


def test_a_picture_says_nothing_of_when_and_by_what_it_was_made(tmp_path: Path):
    draw_overlay(PICTURE, tmp_path / "a.png")
    content = (tmp_path / "a.png").read_bytes()
    assert content.startswith(b"\x89PNG")
    assert b"tEXt" not in content
