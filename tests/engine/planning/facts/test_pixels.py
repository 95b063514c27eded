"""What a sample of pixels shows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from cohorts import write_ct, write_png
from raw_studies import images

from mmdx.engine.planning.facts.pixels import SIDE, region_of, sampled_pixels, tissue_shares


def test_the_size_of_images_and_what_one_takes(tmp_path: Path) -> None:
    files = [images(write_png(tmp_path / f"{side}.png", 9, side)) for side in (40, 60, 90)]
    found = sampled_pixels(files)
    assert (found.side, found.images, found.region) == (60, 3, "")
    assert found.seconds > 0


def test_files_that_cannot_be_decoded_are_left_to_prepare(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"x")
    found = sampled_pixels([images(tmp_path / "a.png")])
    assert (found.side, found.seconds, found.images) == (SIDE, 0.0, 0)


def test_a_ct_of_a_head_has_neither_lung_nor_much_fat(tmp_path: Path) -> None:
    hu = np.full((40, 40), -1000)
    hu[10:30, 10:30] = 40
    path = write_ct(tmp_path / "a.dcm", hu, instance=1, study="1.2", series="1.2.1")
    assert sampled_pixels([images(path, unit="HU")]).region == "head"


@pytest.mark.parametrize(("lung", "fat", "region"), [(0.3, 0.2, "chest"), (0.02, 0.3, "body"), (0.05, 0.05, "head")])
def test_the_region_of_a_ct(lung: float, fat: float, region: str) -> None:
    assert region_of(lung, fat) == region


def test_shares_are_of_what_is_not_air() -> None:
    assert tissue_shares(np.array([-1000, -1000, -800, -100, 40, 40])) == (0.25, 0.25)
    assert tissue_shares(np.array([-1000])) == (0.0, 0.0)
