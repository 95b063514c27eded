from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from mmdx.data.images.modality import images_in, images_listed
from mmdx.errors import DataError

SERIES = generate_uid()


def dicom(path: Path, *, z: float | None = None, number: int = 1, series: str = SERIES, modality: str = "CT") -> Path:
    """A DICOM image of 4 x 4 pixels, at `z` mm."""
    header = pydicom.Dataset()
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header.file_meta.MediaStorageSOPClassUID = header.SOPClassUID = CTImageStorage
    header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID = generate_uid()
    header.StudyInstanceUID = header.SeriesInstanceUID = series
    header.Modality, header.InstanceNumber = modality, number
    header.Rows = header.Columns = 4
    header.SamplesPerPixel, header.PhotometricInterpretation = 1, "MONOCHROME2"
    header.BitsAllocated = header.BitsStored = 16
    header.HighBit, header.PixelRepresentation = 15, 1
    header.RescaleSlope, header.RescaleIntercept = 1, -1024
    if z is not None:
        header.ImagePositionPatient, header.ImageOrientationPatient = [0, 0, z], [1, 0, 0, 0, 1, 0]
    header.PixelData = np.zeros((4, 4), np.int16).tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    header.save_as(path, enforce_file_format=True)
    return path


def names(files) -> list[str]:
    return [ref.path.name for ref in files.images]


def test_a_folder_of_slices_stands_by_position(tmp_path):
    for name, z in {"a": 10.0, "b": 0.0, "c": 5.0}.items():
        dicom(tmp_path / name, z=z)
    files, problems = images_in(tmp_path, tmp_path)
    assert names(files) == ["b", "c", "a"]
    assert (files.unit, files.order.source, files.order.spacing_mm) == ("HU", "position", 5.0)
    assert all("left out" not in problem for problem in problems)


def test_another_series_and_stray_files_are_named(tmp_path):
    for number in (1, 2, 3):
        dicom(tmp_path / f"{number}.dcm", z=float(number), number=number)
    dicom(tmp_path / "other.dcm", z=1.0, series=generate_uid())
    Image.new("L", (4, 4)).save(tmp_path / "preview.png")
    files, problems = images_in(tmp_path, tmp_path)
    assert names(files) == ["1.dcm", "2.dcm", "3.dcm"]
    assert problems[0] == "left out preview.png: no DICOM file"
    assert "other.dcm" in problems[1]


def test_views_are_all_kept(tmp_path):
    for name in ("pa.dcm", "lateral.dcm"):
        dicom(tmp_path / name, series=generate_uid(), modality="DX")
    files, problems = images_in(tmp_path, tmp_path)
    assert sorted(names(files)) == ["lateral.dcm", "pa.dcm"]
    assert (files.unit, problems) == ("intensity", ())
    assert names(images_listed([tmp_path / "pa.dcm", tmp_path / "lateral.dcm"])[0]) == ["pa.dcm", "lateral.dcm"]


@pytest.mark.parametrize(
    ("listed", "disagrees"), [("012", False), ("210", False), ("021", True)], ids=["as is", "reversed", "shuffled"]
)
def test_positions_decide_over_a_list(tmp_path, listed, disagrees):
    paths = [dicom(tmp_path / f"{i}.dcm", z=float(i), number=i + 1) for i in range(3)]
    files, problems = images_listed([paths[int(i)] for i in listed])
    assert names(files) == ["0.dcm", "1.dcm", "2.dcm"]
    assert files.order.source == "position"
    assert problems == (("the listed order disagrees with the positions, which decide",) if disagrees else ())


def test_a_list_without_positions_is_kept(tmp_path):
    paths = [dicom(tmp_path / f"{i}.dcm", number=i) for i in (2, 1)]
    files, problems = images_listed(paths)
    assert (names(files), files.order.source, problems) == (["2.dcm", "1.dcm"], "given", ())


def test_a_list_of_two_series_is_kept_and_named(tmp_path):
    paths = [dicom(tmp_path / f"{i}.dcm", z=float(i), series=generate_uid()) for i in (2, 1)]
    files, problems = images_listed(paths)
    assert (names(files), files.order.source) == (["2.dcm", "1.dcm"], "given")
    assert problems == ("the listed files are of 2 series; kept as listed",)


def test_a_file_listed_twice_is_a_duplicate(tmp_path):
    for name in ("1.png", "2.png"):
        Image.new("L", (4, 4)).save(tmp_path / name)
    files, _ = images_listed([tmp_path / "1.png", tmp_path / "1.png", tmp_path / "2.png"])
    assert files.order.duplicates == (1,)


def test_gaps_are_counted_in_pages(tmp_path):
    page = Image.new("L", (4, 4))
    for number in (1, 2, 4):
        page.save(tmp_path / f"{number}.tif", save_all=True, append_images=[page])
    files, _ = images_in(tmp_path, tmp_path)
    assert len(files.images) == 6
    assert (files.order.source, files.order.gaps) == ("filename", (3,))


def test_one_unit_a_modality(tmp_path):
    plain = tmp_path / "1.png"
    Image.new("L", (4, 4)).save(plain)
    with pytest.raises(DataError, match=r"HU \(2.dcm\) and intensity \(1.png\)"):
        images_listed([plain, dicom(tmp_path / "2.dcm")])


def test_grey_among_colour_makes_colour(tmp_path):
    Image.new("L", (4, 4)).save(tmp_path / "1.png")
    Image.new("RGB", (4, 4)).save(tmp_path / "2.png")
    assert images_in(tmp_path, tmp_path)[0].channels == 3


def test_a_truncated_slice_refuses_the_folder(tmp_path):
    for number in (1, 2):
        dicom(tmp_path / f"{number}.dcm", z=float(number), number=number)
    whole = (tmp_path / "2.dcm").read_bytes()
    (tmp_path / "2.dcm").write_bytes(whole[:-20])
    with pytest.raises(DataError, match=r"2\.dcm: truncated"):
        images_in(tmp_path, tmp_path)


def test_dicom_objects_without_an_image_are_named(tmp_path):
    dicom(tmp_path / "1.dcm", z=1.0)
    report = pydicom.dcmread(dicom(tmp_path / "sr.dcm"))
    for keyword in ("Rows", "Columns", "PixelData"):
        delattr(report, keyword)
    report.save_as(tmp_path / "sr.dcm")
    files, problems = images_in(tmp_path, tmp_path)
    assert names(files) == ["1.dcm"]
    assert problems[0] == "left out sr.dcm: DICOM objects without an image"


def test_an_image_whose_name_ends_in_no_word_is_told_by_its_first_bytes(tmp_path):
    for name, kind in (("IM0001", "PNG"), ("IM.0002", "JPEG"), ("3", "TIFF")):
        Image.new("L", (4, 4)).save(tmp_path / name, kind)
    (tmp_path / "README").write_text("What lies here.")
    Image.new("L", (4, 4)).save(tmp_path / "picture.data", "PNG")
    files, problems = images_in(tmp_path, tmp_path)
    assert sorted(names(files)) == ["3", "IM.0002", "IM0001"]
    assert problems == ("left out README, picture.data: no image",)


@pytest.mark.parametrize("series", [("1.2.3", "1.2.3"), ("1.2.3", "1.2.4")])
@pytest.mark.parametrize("z", [None, 5.0])
def test_two_fields_of_view_in_a_list_are_told_on_whatever_evidence_it_is_ordered(tmp_path, series, z):
    places = [None if z is None else z * number for number in range(2)]
    paths = [dicom(tmp_path / f"{i}.dcm", z=places[i], number=i, series=uid) for i, uid in enumerate(series)]
    for path, spacing in zip(paths, ([0.5, 0.5], [1, 1]), strict=True):
        header = pydicom.dcmread(path)
        header.PixelSpacing = spacing
        header.save_as(path)
    files, problems = images_listed(paths)
    assert len(files.images) == 2
    assert [p for p in problems if "fields of view" in p] == [
        "pixels measure 0.5 x 0.5 mm to 1 x 1 mm: fields of view of different size"
    ]
