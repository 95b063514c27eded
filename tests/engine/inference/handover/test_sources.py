"""Which DICOM files an answer was read from, and why a report cannot refer to some."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from cohorts import write_png
from handed_over import set_elements, write_exam, write_model

from mmdx.data.images.modality import images_in
from mmdx.engine.assembly.saved import SavedModel, load_model
from mmdx.engine.inference.arrays import ArrayStudy, ImageArrays
from mmdx.engine.inference.handover.sources import Sources, sources_of
from mmdx.errors import DataError
from mmdx.study import Study


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> SavedModel:
    return load_model(write_model(tmp_path_factory.mktemp("model"), heads=("study", "slice", "boxes")))


def sources(saved: SavedModel, folder: Path) -> Sources:
    files, problems = images_in(folder, folder)
    return sources_of(saved, Study("s", "p", {"image": files}, problems=problems), None)


def test_each_image_is_found_again_in_certified_order(saved: SavedModel, tmp_path: Path) -> None:
    paths = write_exam(tmp_path)
    paths[0].rename(tmp_path / "9.dcm")
    found = sources(saved, tmp_path)
    assert [one.uid("SOPInstanceUID") for one, _ in found.places["image"]] == [
        pydicom.dcmread(path).SOPInstanceUID for path in (tmp_path / "9.dcm", *paths[1:])
    ]
    assert [frame for _, frame in found.places["image"]] == [0, 0, 0]
    assert (found.boxed, found.sliced, found.orders["image"].source) == ("image", "image", "position")
    assert found.instances[0].numbers([0]) is None
    assert "PatientName" not in repr(found)


@pytest.mark.parametrize(
    ("elements", "line"),
    [
        ({"StudyInstanceUID": None}, "2.dcm has no StudyInstanceUID by which a report could refer to it"),
        ({"SOPInstanceUID": "1.02"}, "2.dcm has no SOPInstanceUID by which a report could refer to it"),
        ({"PatientID": None}, "no PatientID, so no archive could tell whose report it is"),
        ({"PatientID": "another"}, "its files have 2 different PatientIDs"),
        ({"StudyInstanceUID": "1.2.3"}, "its files are of 2 studies, by StudyInstanceUID"),
        ({"FrameOfReferenceUID": "1.2.3"}, "its slices have 2 frames of reference, so their positions are not"),
    ],
)
def test_headers_that_do_not_fit_each_other_are_told_in_a_line(saved, tmp_path, elements, line) -> None:
    path = write_exam(tmp_path)[1]
    with pydicom.config.disable_value_validation():
        file = pydicom.dcmread(path)
        set_elements(file, **elements)
        file.save_as(path)
        with pytest.raises(DataError, match=line):
            sources(saved, tmp_path)


def test_one_identifier_for_several_files_says_nothing(saved: SavedModel, tmp_path: Path) -> None:
    write_exam(tmp_path, SOPInstanceUID="1.2.3.4")
    with pytest.raises(DataError, match="several of its files have one SOPInstanceUID"):
        sources(saved, tmp_path)


def test_other_files_and_arrays_are_no_dicom(saved: SavedModel, tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", 7)
    with pytest.raises(DataError, match=r"its images are no DICOM files, to which an SR could refer \(a.png\)"):
        sources(saved, tmp_path)
    pixels = ImageArrays(np.zeros((2, 16, 16), np.int16))
    with pytest.raises(DataError, match="its images are arrays, and an SR refers to DICOM files"):
        sources_of(saved, ArrayStudy({"image": pixels}), None)
    with pytest.raises(DataError, match="no image of it was read"):
        sources_of(saved, ArrayStudy({"report": "a fall"}), None)


def test_views_have_frames_of_reference_of_their_own(saved: SavedModel, tmp_path: Path) -> None:
    for number, path in enumerate(write_exam(tmp_path)):
        file = pydicom.dcmread(path)
        set_elements(file, Modality="MG", FrameOfReferenceUID=f"1.2.{number}")
        file.save_as(path)
    assert len(sources(saved, tmp_path).instances) == 3
