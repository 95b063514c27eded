"""Pixels come back as they were compressed; what no codec reads, or a codec calls corrupt, is one line."""

import io
import os
import re
from pathlib import Path

import numpy as np
import pydicom
import pytest
from encoded_dicom import write
from PIL import Image
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate, generate_frames
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from mmdx.data.dicom.codecs import Syntax, syntaxes
from mmdx.data.dicom.files import decode_frames
from mmdx.data.quiet import codec_heard
from mmdx.errors import DataError

PAGE = Path(__file__).parents[3] / "docs" / "dicom.md"
RNG = np.random.default_rng(0)


NATIVE = [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]


@pytest.mark.parametrize("syntax", [*NATIVE, RLELossless, JPEGLSLossless, JPEG2000Lossless], ids=lambda uid: uid.name)
@pytest.mark.parametrize(("kind", "bits"), [("u2", 16), ("u2", 12), ("i2", 16), ("i2", 12)])
def test_grey_values_come_back(tmp_path, syntax, kind, bits):
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1)) if kind == "i2" else (0, 2**bits)
    pixels = RNG.integers(low, high, (2, 48, 37)).astype(kind)
    path = write(tmp_path / "a.dcm", pixels, bits=bits, syntax=syntax)
    assert np.array_equal(decode_frames(path, [1, 0]), pixels[::-1])


@pytest.mark.parametrize("syntax", [*NATIVE, RLELossless, JPEGLSLossless, JPEG2000Lossless], ids=lambda uid: uid.name)
def test_colours_come_back(tmp_path, syntax):
    pixels = RNG.integers(0, 256, (2, 48, 38, 3)).astype("u1")
    path = write(tmp_path / "a.dcm", pixels, bits=8, syntax=syntax)
    assert np.array_equal(decode_frames(path, [0, 1]), pixels)


def test_near_lossless_is_near(tmp_path):
    pixels = RNG.integers(0, 4096, (1, 12, 9)).astype("u2")
    path = write(tmp_path / "a.dcm", pixels, bits=12, syntax=ExplicitVRLittleEndian)
    ds = pydicom.dcmread(path)
    ds.compress(JPEGLSNearLossless, jls_error=3)
    ds.save_as(path)
    assert 0 < np.abs(decode_frames(path, [0])[0] - pixels[0]).max() <= 3


@pytest.mark.parametrize("name", ["SC_jpeg_no_color_transform.dcm", "examples_ybr_color.dcm", "JPEG-LL.dcm"])
def test_a_stream_that_its_codec_calls_corrupt_is_refused(tmp_path, capfd, name):
    """gdcm hands over a picture all the same, and names the damage on standard error alone."""
    ds = pydicom.dcmread(get_testdata_file(name, download=False))
    first, *rest = generate_frames(ds.PixelData, number_of_frames=int(ds.get("NumberOfFrames") or 1))
    middle = len(first) // 2
    broken = first[:middle] + b"\xff\xd0" * 40 + first[middle + 80 :]
    ds.PixelData = encapsulate([broken, *rest])
    ds["PixelData"].VR = "OB"
    ds.save_as(tmp_path / "a.dcm")
    with pytest.raises(DataError, match=r"a\.dcm: pixels cannot be decoded \(JPEG .*; get the file anew$") as caught:
        decode_frames(tmp_path / "a.dcm", [0])
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_what_others_write_meanwhile_is_passed_on(capfd):
    with codec_heard():
        os.write(2, b"a line of another thread\n")
    assert capfd.readouterr().err == "a line of another thread\n"
    with pytest.raises(ValueError, match="Corrupt JPEG data: bad Huffman code"), codec_heard():
        os.write(2, b"Corrupt JPEG data: bad Huffman code\n")
    with codec_heard():  # padded, and whole
        os.write(2, b"Corrupt JPEG data: 2 extraneous bytes before marker 0xd9\n")
    with pytest.raises(KeyError), codec_heard():
        _fail_aloud()
    assert capfd.readouterr().err == ""


def _fail_aloud():
    os.write(2, b"Bogus marker length\n")
    raise KeyError


def test_the_page_names_every_syntax_as_it_is():
    """docs/dicom.md: transfer syntaxes with what reads each; pydicom's decoders have the say."""
    rows = re.findall(r"^\| ([^|]+) \| `([\d.]+)` \| ([^|]+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(rows) >= 30
    for name, uid, reads in rows:
        assert UID(uid).name.replace("|", "") == name
        try:
            decoder = get_decoder(UID(uid))
        except NotImplementedError:
            assert reads.startswith("refused"), name
            continue
        assert decoder.is_available == (not reads.startswith("refused")), name
        for plugin in reads.split(";")[0].split(", ") if uid not in NATIVE else []:
            assert plugin in decoder.available_plugins, name


def test_a_jpeg_of_fewer_bits_than_its_bytes_have_does_not_end_the_process(tmp_path):
    ds = pydicom.dcmread(get_testdata_file("SC_rgb_small_odd_jpeg.dcm", download=False))
    ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.Columns = 1, "MONOCHROME2", 5
    ds.BitsStored, ds.HighBit = 7, 6
    grey = io.BytesIO()
    Image.fromarray(np.full((ds.Rows, 5), 100, "u1")).save(grey, "JPEG", quality=100)
    ds.PixelData = encapsulate([grey.getvalue()])
    ds.save_as(tmp_path / "a.dcm")
    assert np.unique(decode_frames(tmp_path / "a.dcm", [0])).tolist() == [100]


def test_what_can_be_read_is_what_the_page_names_a_codec_for():
    rows = re.findall(r"^\| (.+) \| `[\d.]+` \| (.+) \|$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert [one.name for one in syntaxes()] == [name for name, reader in rows if not reader.startswith("refused")]
    assert syntaxes()[0] == Syntax("Implicit VR Little Endian", "")
