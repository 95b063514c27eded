"""Arrays as a study: what is taken, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from mmdx.engine.inference.arrays import array_study
from mmdx.errors import DataError, UsageError

GREY = np.zeros((2, 8, 6), np.uint8)


def test_one_array_is_for_the_only_image_input() -> None:
    study = array_study(GREY, ["xray"], ["report"])
    assert list(study.modalities) == ["xray"]
    with pytest.raises(UsageError, match="this one has: brain, bone; give a mapping"):
        array_study(GREY, ["brain", "bone"], [])


def test_a_mapping_names_images_and_texts() -> None:
    study = array_study({"ct": GREY.astype(np.int16), "report": "a fall"}, ["ct"], ["report"])
    assert study.modalities["report"] == "a fall"
    assert study.modalities["ct"].unit == "HU"
    with pytest.raises(UsageError, match="input 'report': the model reads no such text; known: none"):
        array_study({"report": "a fall"}, ["ct"], [])
    with pytest.raises(UsageError, match="input 'cd': the model reads no such images; did you mean 'cdt'"):
        array_study({"cd": GREY}, ["cdt"], [])


@pytest.mark.parametrize(
    ("pixels", "reason"),
    [
        (GREY[0], r"shape \(8, 6\); give \[n h w\] or \[n h w 3\]"),
        (GREY[:0], "n at least 1"),
        (GREY.astype(float), "an array of float64; give uint8"),
        (np.zeros((1, 4, 4, 3), np.int16), "colour in int16"),
    ],
)
def test_what_is_no_image_is_refused(pixels: np.ndarray, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        array_study(pixels, ["ct"], [])
