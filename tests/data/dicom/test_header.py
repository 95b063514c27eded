"""Elements as wrong as they come are no evidence, or refuse their file in one line; none is a traceback."""

import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import raw_dicom
from hypothesis import given, settings
from hypothesis import strategies as st

from mmdx.data.dicom.files import pixel_facts, read_header
from mmdx.data.images.decode import decode
from mmdx.data.images.modality import images_in, images_listed
from mmdx.data.readers.dicom import read
from mmdx.data.store.check import check_studies
from mmdx.errors import DataError


def write(path, **odd):
    path.write_bytes(raw_dicom.file_bytes(raw_dicom.overlaid(raw_dicom.slice_elements(1), odd)))
    return path


@pytest.mark.parametrize(
    ("keyword", "kind", "value"),
    [
        ("SeriesNumber", "IS", b"1A"),
        ("SeriesNumber", "LO", b"one"),
        ("InstanceNumber", "IS", b"1\\2"),
        ("ImagePositionPatient", "DS", b"a\\b\\c"),
        ("Modality", "CS", b"CT\\MR"),
        ("WindowWidth", "LO", b"wide"),
        ("PatientID", "LO", b""),
    ],
)
def test_malformed_evidence_is_absent(tmp_path, keyword, kind, value):
    assert keyword not in read_header(write(tmp_path / "a.dcm", **{keyword: (kind, value)}))


@pytest.mark.parametrize(
    ("keyword", "kind", "value", "said"),
    [
        ("Rows", "LO", b"four", "Rows: four"),
        ("NumberOfFrames", "IS", b"1A", "NumberOfFrames: 1A"),
        ("RescaleSlope", "DS", b"1\\2", r"RescaleSlope: \[1, 2\]"),
        ("BitsStored", "FD", b"\0" * 8, "BitsStored: 0.0"),
        ("ModalityLUTSequence", "LO", b"x", "ModalityLUTSequence: x"),
    ],
)
def test_a_malformed_element_that_governs_pixels_is_named(tmp_path, keyword, kind, value, said):
    with pytest.raises(DataError, match=rf"a\.dcm: broken DICOM header \({said}.*\); get the file anew"):
        read_header(write(tmp_path / "a.dcm", **{keyword: (kind, value)}))


def test_so_is_one_within_a_functional_group(tmp_path):
    inner = raw_dicom.overlaid({}, {"RescaleSlope": ("LO", b"steep")})
    groups = raw_dicom.item({"PixelValueTransformationSequence": ("SQ", raw_dicom.item(inner))})
    path = write(tmp_path / "a.dcm", SharedFunctionalGroupsSequence=("SQ", groups))
    with pytest.raises(DataError, match="RescaleSlope: steep"):
        read_header(path)


def test_a_syntax_that_is_none_is_named(tmp_path):
    path = tmp_path / "a.dcm"
    path.write_bytes(raw_dicom.file_bytes(raw_dicom.slice_elements(1), syntax=b"junk"))
    with pytest.raises(DataError, match="TransferSyntaxUID 'junk'"):
        read_header(path)


def test_more_frames_than_any_object_has_are_refused_before_they_are_listed(tmp_path):
    header = read_header(write(tmp_path / "a.dcm", NumberOfFrames=("IS", b"999999999999")))
    with pytest.raises(DataError, match="999999999999 frames; expected 131072 at most"):
        pixel_facts(header)


ODD_FILE = st.tuples(raw_dicom.odd_elements(), raw_dicom.odd_syntaxes(), st.none() | st.integers(0, 700))


@settings(max_examples=150)
@given(st.lists(ODD_FILE, min_size=1, max_size=3))
def test_whatever_headers_hold_there_is_a_picture_or_a_line(files):
    with TemporaryDirectory() as temporary, warnings.catch_warnings():
        warnings.simplefilter("error")
        root = Path(temporary)
        for number, (odd, syntax, cut) in enumerate(files):
            elements = raw_dicom.overlaid(raw_dicom.slice_elements(number), odd)
            (root / f"{number}.dcm").write_bytes(raw_dicom.file_bytes(elements, syntax=syntax)[:cut])
        studies = read(root)
        check_studies(studies)
        lines = [problem for study in studies for problem in study.problems]
        modalities = [files for study in studies for files in study.modalities.values()]
        for find in (lambda: images_in(root, root), lambda: images_listed(sorted(root.iterdir()))):
            try:
                found, problems = find()
                modalities.append(found)
                lines += problems
            except DataError as error:
                lines += error.problems
        for found in modalities:
            try:
                assert len(decode(found, 8).pixels) == len(found.images)
            except DataError as error:
                lines += error.problems
        assert all(len(line.splitlines()) == 1 for line in lines)
