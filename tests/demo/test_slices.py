"""Slices as pictures: windows, heat, boxes, sizes."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from mmdx.data.images.letterbox import Letterbox
from mmdx.data.order.display import Turn
from mmdx.demo import slices as module
from mmdx.demo.answer import Answer
from mmdx.demo.slices import DrawnBox, Slices, boxes_on, hold
from mmdx.engine.inference.arrays import ImageArrays
from mmdx.engine.inference.explaining.source_slices import SlicePlace, SourceSlices
from mmdx.errors import UsageError

PLACES = (SlicePlace(0, 1),)
HU = np.full((512, 512), 40, np.int16)


def pixels_of(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)))


def test_ct_is_shown_in_the_window_that_is_chosen() -> None:
    ct = Slices("image", PLACES, (HU,), own=("as the model sees it", (100.0, 200.0)))
    assert list(ct.windows) == ["as the model sees it", "brain", "subdural", "bone", "lung", "soft tissue"]
    assert np.unique(pixels_of(ct.picture(0))).tolist() == [round(0.2 * 255)]
    assert np.unique(pixels_of(ct.picture(0, window="brain"))).tolist() == [128]
    assert np.unique(pixels_of(ct.picture(0, window="lung"))).tolist() == [round((40 + 1350) / 1500 * 255)]
    with pytest.raises(UsageError, match="did you mean 'brain'"):
        ct.picture(0, window="brian")
    with pytest.raises(UsageError, match="slice 2: there are 1"):
        ct.picture(1)


def test_heat_colours_a_slice_and_no_heat_leaves_it() -> None:
    grey = np.full((512, 512), 100, np.uint8)
    heat = np.zeros((512, 512), np.uint8)
    heat[:, 256:] = 255
    shown = pixels_of(Slices("image", PLACES, (grey,), heat={"bleed": {0: heat}}).picture(0, finding="bleed"))
    assert np.unique(shown[:, :256]).tolist() == [100]
    assert len(np.unique(shown[0, 300])) > 1
    with pytest.raises(UsageError, match="has no heat"):
        Slices("image", PLACES, (grey,)).picture(0, finding="bleed")


def test_boxes_lie_where_the_image_is_turned_to() -> None:
    turned = Letterbox(40, 20, 64, Turn(mirror_x=True, transpose=True))
    box = {"finding": "bleed", "slice": 0, "score": 0.5, "x0": 30.0, "y0": 0.0, "x1": 40.0, "y1": 5.0}
    (drawn,) = boxes_on([box], [turned])
    # Mirrored, the box is at the start of the rows, which stand upright after the transposition.
    assert drawn.drawn.corners == pytest.approx((0, 0, 0.25, 0.25))
    assert turned.to_stored(np.array([30.0, 0.0, 40.0, 5.0])).tolist() == pytest.approx([16, 0, 24, 16])


def test_only_the_boxes_of_a_finding_are_drawn() -> None:
    black = np.zeros((512, 512), np.uint8)
    boxes = {0: [DrawnBox("bleed", 0.9, (0.25, 0.25, 0.5, 0.5))]}
    drawn = Slices("image", PLACES, (black,), boxes=boxes)
    assert not pixels_of(drawn.picture(0)).any()
    assert not pixels_of(drawn.picture(0, boxes="fracture")).any()
    assert pixels_of(drawn.picture(0, boxes="bleed"))[200, 128].tolist() == list(module.BOX)
    assert pixels_of(drawn.picture(0, boxes="")).any()


def test_large_slices_are_held_smaller_and_small_ones_enlarged(monkeypatch) -> None:
    monkeypatch.setattr(module, "MOST_HELD", 2 * 100 * 100)
    source = SourceSlices(ImageArrays(np.full((2, 200, 400), -500, np.int16)), (40.0, 80.0))
    held = hold("image", source, 2, explanation=None)
    assert [(image.shape, image.dtype, int(image.min())) for image in held.pixels] == [((50, 100), np.int16, -500)] * 2
    assert held.own == ("as the model sees it", (40, 80))
    assert pixels_of(held.picture(0)).shape == (300, 600, 3)


def test_the_slices_of_an_exam_are_held_in_hounsfield_units_with_heat_and_boxes(of_ct: Answer) -> None:
    held = of_ct.studies[0].slices["image"]
    assert [image.dtype for image in held.pixels] == [np.int16] * 3
    assert (int(held.pixels[0].min()), int(held.pixels[2].max())) == (-1000, 1000)
    assert held.boxes
    assert all(len(found) <= 2 * module.MOST_BOXES for found in held.boxes.values())
    assert held.places[1].in_words() == "slice 2 of 3, InstanceNumber 2, 10.0 mm"


def test_the_heat_of_pictures_has_their_size(of_pictures: Answer) -> None:
    held = of_pictures.studies[0].slices["image"]
    assert held.windows == {}
    assert held.range == "shown as in its file"
    assert {heat.shape for by_slice in held.heat.values() for heat in by_slice.values()} == {(30, 40)}
