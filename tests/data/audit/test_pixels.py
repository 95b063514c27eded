from __future__ import annotations

import numpy as np
import pytest
from audited import picture

from mmdx.data.audit.pixels import SIDE, describe, perceptual_hash, thumbnails, unit_rows


def test_a_thumbnail_is_the_mean_of_the_pixels_that_it_stands_for() -> None:
    pixels = np.zeros((1, 1, 64, 64), dtype=np.uint8)
    pixels[0, 0, ::2] = 200
    assert thumbnails(pixels, "intensity", SIDE) == pytest.approx(np.full((1, SIDE, SIDE), 100.0))


def test_a_thumbnail_of_a_ct_shows_soft_tissue() -> None:
    hu = np.full((1, 1, 64, 64), -1000, dtype=np.int16)
    hu[..., 32:] = 50
    assert set(thumbnails(hu, "HU", SIDE).ravel().tolist()) == {0.0, 127.5}


def test_digests_tell_every_pixel_and_blank_images_are_marked() -> None:
    pixels = np.stack([picture(1)[None], picture(1)[None], np.full((1, 128, 128), 7, dtype=np.uint8)])
    described = describe(pixels, "intensity")
    assert described["digests"][0] == described["digests"][1] != described["digests"][2]
    assert described["blank"].tolist() == [False, False, True]
    assert described["place"].tolist() == [0, 1, 2]


def test_a_hash_does_not_mind_brightness_and_tells_pictures_apart() -> None:
    one, brighter, other = (
        thumbnails(pixels[None, None].astype(np.uint8), "intensity", SIDE)
        for pixels in (picture(1), np.clip(picture(1) * 1.1, 0, 255), picture(2))
    )
    hashes = perceptual_hash(np.concatenate([one, brighter, other]))
    assert hashes[0] @ hashes[1] > 0.95
    assert hashes[0] @ hashes[2] < 0.6


def test_rows_get_length_one_and_zeros_stay() -> None:
    assert unit_rows(np.array([[3.0, 4.0], [0.0, 0.0]])).tolist() == [[0.6, 0.8], [0.0, 0.0]]
