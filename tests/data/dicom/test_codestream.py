"""A compressed frame that is another than its header says is refused, and so is one that lacks a part of itself."""

import struct

import numpy as np
import pydicom
import pytest
from encoded_dicom import write
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import ExplicitVRLittleEndian, JPEG2000Lossless, JPEGLSLossless

from mmdx.data.dicom.codestream import check_codestream
from mmdx.data.dicom.files import decode_frames
from mmdx.errors import DataError

PIXELS = np.random.default_rng(0).integers(0, 4096, (1, 48, 37)).astype("u2")
LOSSY = "SC_rgb_jpeg_gdcm.dcm"


def frame_of(path):
    header = pydicom.dcmread(path)
    return header, next(generate_frames(header.PixelData, number_of_frames=1))


def compressed(path, syntax):
    if syntax == "JPEG":
        return frame_of(get_testdata_file(LOSSY, download=False))
    return frame_of(write(path, PIXELS, bits=12, syntax=syntax))


@pytest.mark.parametrize("syntax", [JPEG2000Lossless, JPEGLSLossless, "JPEG"])
@pytest.mark.parametrize("keyword", ["Rows", "Columns"])
def test_another_size_than_that_of_the_header_is_refused(tmp_path, syntax, keyword):
    header, encoded = compressed(tmp_path / "a.dcm", syntax)
    check_codestream(encoded, header)
    header[keyword].value -= 1
    with pytest.raises(ValueError, match=r"its codestream holds \d+ x \d+ pixels of . sample\(s\), its header says"):
        check_codestream(encoded, header)
    header.save_as(tmp_path / "b.dcm")
    with pytest.raises(DataError, match=r"b\.dcm: pixels cannot be decoded \(JPEG.*its header says"):
        decode_frames(tmp_path / "b.dcm", [0])


def edited(encoded, at, form, value):
    """The codestream with a field of its marker SIZ, which begins at byte 2, exchanged."""
    content = bytearray(encoded)
    struct.pack_into(form, content, at, value)
    return bytes(content)


@pytest.mark.parametrize(
    ("at", "form", "value", "said"),
    [
        (8, ">I", 31, "holds 31 x 48 pixels"),
        (16, ">I", 3, "holds 34 x 48 pixels"),
        (24, ">I", 10, "has 1 of 4 tiles"),
        (24, ">I", 0, "has no pixels"),
        (8, ">I", 2**31, "has 58040099 tiles"),
        (43, ">B", 2, "samples that are coarser than its pixels"),
    ],
)
def test_a_crafted_size_of_jpeg_2000_is_refused(tmp_path, at, form, value, said):
    header, encoded = compressed(tmp_path / "a.dcm", JPEG2000Lossless)
    with pytest.raises(ValueError, match=said):
        check_codestream(edited(encoded, at, form, value), header)


def test_tiles_that_are_cut_short_are_refused(tmp_path):
    header, encoded = compressed(tmp_path / "a.dcm", JPEG2000Lossless)
    for cut in (len(encoded) // 2, 60, 20, 3):
        header.PixelData = encapsulate([encoded[:cut]])
        header["PixelData"].VR = "OB"
        header.save_as(tmp_path / "b.dcm")
        with pytest.raises(DataError, match=r"b\.dcm: pixels cannot be decoded .*its codestream"):
            decode_frames(tmp_path / "b.dcm", [0])


def test_numbers_with_a_sign_that_the_header_denies_are_refused(tmp_path):
    signed = write(tmp_path / "a.dcm", PIXELS.astype("i2") - 2048, bits=12, syntax=JPEG2000Lossless)
    header, encoded = frame_of(signed)
    check_codestream(encoded, header)
    header.PixelRepresentation = 0
    with pytest.raises(ValueError, match="holds numbers with a sign, its header says that there are none"):
        check_codestream(encoded, header)


def test_what_is_not_compressed_is_not_looked_into(tmp_path):
    header = pydicom.dcmread(write(tmp_path / "a.dcm", PIXELS, bits=12, syntax=ExplicitVRLittleEndian))
    check_codestream(b"", header)
