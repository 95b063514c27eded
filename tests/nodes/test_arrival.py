"""What is kept of the files that come, and by which status others are refused."""

from __future__ import annotations

from pathlib import Path

import pydicom
import pytest
from handed_over import NAME, STUDY, write_exam
from pydicom.uid import BasicTextSRStorage, CTImageStorage, SecondaryCaptureImageStorage, VideoEndoscopicImageStorage

from mmdx.nodes.arrival import NOT_OF_ITS_CLASS, NOT_UNDERSTOOD, Arrival, is_image, looked_at


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return write_exam(tmp_path)[0]


def test_a_whole_image_is_fit_and_tells_its_uids(image: Path) -> None:
    file = pydicom.dcmread(image)
    looked = looked_at(image)
    assert (looked.arrival, looked.unfit) == (Arrival(STUDY, file.SOPInstanceUID, file.SOPClassUID), None)


def without(path: Path, *keywords: str) -> None:
    file = pydicom.dcmread(path)
    for keyword in keywords:
        delattr(file, keyword)
    file.save_as(path)


@pytest.mark.parametrize(
    ("spoil", "status", "said"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:200]), NOT_UNDERSTOOD, "it lacks the UID"),
        (lambda path: path.write_bytes(b"no DICOM at all"), NOT_UNDERSTOOD, "its header is broken"),
        (lambda path: path.write_bytes(path.read_bytes()[:-9]), NOT_UNDERSTOOD, "its pixels are cut short"),
        (lambda path: without(path, "PixelData"), NOT_UNDERSTOOD, "its pixels are cut short"),
        (lambda path: without(path, "Rows", "PixelData"), NOT_OF_ITS_CLASS, "it is no image that can be read"),
        (lambda path: without(path, "StudyInstanceUID"), NOT_UNDERSTOOD, "it lacks the UID"),
    ],
)
def test_what_is_no_whole_image_is_unfit_and_nobody_is_named(image: Path, spoil, status: int, said: str) -> None:
    spoil(image)
    unfit = looked_at(image).unfit
    assert unfit is not None
    assert (unfit.status, str(unfit).startswith(said)) == (status, True)
    assert NAME.split("^")[0] not in str(unfit)
    assert str(image) not in str(unfit)


def test_films_and_reports_are_no_images() -> None:
    assert is_image(CTImageStorage)
    assert is_image(SecondaryCaptureImageStorage)
    assert not is_image(BasicTextSRStorage)
    assert not is_image(VideoEndoscopicImageStorage)
