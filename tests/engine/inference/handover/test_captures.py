"""Slices under their heat as DICOM: on the pixels of their files, with words below, and no name in the picture."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from handed_over import AUTHOR, NAME, SERIES, STUDY, instance, sources
from PIL import Image

from mmdx.data.images.letterbox import Letterbox
from mmdx.data.order.display import Turn
from mmdx.data.order.pixel_size import PixelSize
from mmdx.engine.inference.answers import Standing
from mmdx.engine.inference.explaining.source_slices import SlicePlace, heat_on_source
from mmdx.engine.inference.explanation import ExplainedSlice, Explanation
from mmdx.engine.inference.handover.captures import NARROWEST, SERIES_NUMBER, with_words, write_captures
from mmdx.study import Order

ROWS, COLUMNS = 120, 160


def explained(*slices: ExplainedSlice) -> Explanation:
    return Explanation("study", "image", {"bleed": slices}, None, standing=Standing("slices", calibrated=True))


def blob(size: int, x: float, y: float) -> np.ndarray:
    """Heat that falls off to all sides of a place, the first pixel reaching from 0 to 1."""
    across, down = np.meshgrid(np.arange(size) + 0.5, np.arange(size) + 0.5)
    return np.exp(-((across - x) ** 2 + (down - y) ** 2) / 18).astype(np.float32)


def hottest(pixels: np.ndarray) -> tuple[float, float]:
    """Column and row of the middle of what is coloured by heat: grey is no colour."""
    colour = np.ptp(pixels.astype(int), axis=2)
    rows, columns = np.nonzero(colour >= 0.5 * colour.max())
    return columns.mean() + 0.5, rows.mean() + 0.5


@pytest.mark.parametrize("axes", ["LP", "RA", "PR", "FL", "AL", ""])
@pytest.mark.parametrize("spacing", [(1, 1), (1, 2.5), (2, 1)])
def test_the_hottest_place_comes_back_to_its_pixel_of_the_file(
    tmp_path: Path, axes: str, spacing: tuple[float, float]
) -> None:
    """Whatever way the image is turned, stretched and letter-boxed for the model."""
    turn, pixel = Turn.of(axes), PixelSize(float(spacing[1]), float(spacing[0]))
    letterbox = Letterbox(COLUMNS, ROWS, 64, turn, pixel)
    there = np.array([40.0, 90.0])
    # As the model is shown the image: scaled to whole pixels on its shorter side.
    shown = letterbox.to_shown(np.array([*there, *there]))[:2]
    x, y = shown * letterbox.shape / letterbox.shown + letterbox.margins
    heat = heat_on_source(blob(64, x, y), letterbox)
    image = ExplainedSlice(SlicePlace(0, 1), 0.75, np.full(heat.shape, 0.5, np.float32), heat / heat.max())
    one = instance(0, Rows=ROWS, Columns=COLUMNS, PixelSpacing=list(spacing))
    found = replace(sources(one), orders={"image": Order("position", axes=axes)})
    (path,) = write_captures(explained(image), found, AUTHOR, tmp_path)
    pixels = pydicom.dcmread(path).pixel_array[:ROWS]
    assert np.abs(np.array(hottest(pixels)) - there).max() <= 0.5


def test_a_capture_says_whose_it_is_what_it_shows_and_of_which_image(tmp_path: Path) -> None:
    known = {"PatientName": NAME, "PatientBirthDate": "19700131", "BurnedInAnnotation": "NO"}
    known |= {"ImageOrientationPatient": [1, 0, 0, 0, 1, 0], "Rows": ROWS, "Columns": COLUMNS}
    first, second = instance(0, **known), instance(1, NumberOfFrames=3, **known)
    second = replace(second, frames=(2,))
    slices = [
        ExplainedSlice(SlicePlace(place, 2), 0.75, np.zeros((ROWS, COLUMNS)), np.eye(ROWS, COLUMNS)) for place in (0, 1)
    ]
    paths = write_captures(explained(*slices), sources(first, second), AUTHOR, tmp_path / "study-001")
    files = [pydicom.dcmread(path) for path in paths]
    assert [path.name for path in paths] == ["heat-001.dcm", "heat-002.dcm"]
    assert len({file.SeriesInstanceUID for file in files}) == 1
    assert len({file.SOPInstanceUID for file in files}) == 2
    assert [file.InstanceNumber for file in files] == [1, 2]
    one = files[0]
    assert (str(one.PatientName), one.PatientID, one.PatientBirthDate) == (NAME, "p 7", "19700131")
    assert (one.StudyInstanceUID, one.SeriesNumber, one.SeriesInstanceUID != SERIES) == (STUDY, SERIES_NUMBER, True)
    assert (one.BurnedInAnnotation, list(one.PatientOrientation), one.PixelSpacing) == ("NO", ["L", "P"], [0.5, 2])
    assert one.ImageComments.startswith("bleed: probability 0.75 mmdx, mine. Grad-CAM")
    found = [file.SourceImageSequence[0] for file in files]
    assert [one.ReferencedSOPInstanceUID for one in found] == [f"{SERIES}.0", f"{SERIES}.1"]
    assert ["ReferencedFrameNumber" in one for one in found] == [False, True]
    assert found[1].ReferencedFrameNumber == 3
    assert {one.SpatialLocationsPreserved for one in found} == {"YES"}


def test_words_stand_below_the_picture_and_change_none_of_its_pixels() -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (40, NARROWEST, 3), dtype=np.uint8)
    wide = with_words(pixels, ["bleed: 0.75", "and a longer line that has to be broken once or twice"])
    assert np.array_equal(wide[:40], pixels)
    strip = Image.fromarray(wide[40:]).convert("L")
    assert strip.getextrema() == (0, 255)
    assert wide.shape[0] > 40 + 3 * 15
    narrow = pixels[:, : NARROWEST - 1]
    assert np.array_equal(with_words(narrow, ["bleed"]), narrow)
