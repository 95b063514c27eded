"""DICOM files are read as what they mean, or refused in one line."""

import logging
import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset, write_file_meta_info
from pydicom.sequence import Sequence
from pydicom.uid import MPEG2MPML, CTImageStorage, ExplicitVRLittleEndian, ImplicitVRLittleEndian, generate_uid

from mmdx.data.dicom.files import check_complete, decode_frames, is_dicom, is_localizer, pixel_facts, read_header
from mmdx.errors import DataError

SHIPPED = Path(pydicom.__file__).parent / "data" / "test_files"


def shipped(name):
    return Path(get_testdata_file(name, download=False))


def write(path, pixels, **elements):
    """A grey CT of 16 unsigned bits with a rescale to HU, but for `elements`; None leaves one out."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = CTImageStorage
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = generate_uid()
    values = {
        **{"Modality": "CT", "PhotometricInterpretation": "MONOCHROME2", "SamplesPerPixel": 1},
        **{"Rows": pixels.shape[-2], "Columns": pixels.shape[-1], "BitsAllocated": 16, "BitsStored": 16},
        **{"HighBit": 15, "PixelRepresentation": 0, "RescaleSlope": 1, "RescaleIntercept": -1024},
    }
    for keyword, value in (values | elements).items():
        if value is not None:
            setattr(ds, keyword, value)
    ds.PixelData = pixels.tobytes()
    ds.save_as(path, enforce_file_format=True)
    return path


@pytest.fixture
def grey():
    return np.array([[0, 1024], [1064, 2024]], dtype=np.uint16)


def test_pictures_are_right():
    """One red bar, whatever the colour space and the codec."""
    plain = decode_frames(shipped("SC_rgb_small_odd.dcm"), [0])[0].astype(int)
    ybr = decode_frames(shipped("SC_rgb_small_odd_jpeg.dcm"), [0])[0].astype(int)
    assert np.abs(plain - ybr).max() <= 4
    for name in ("SC_rgb_rle.dcm", "SC_rgb_rle_16bit.dcm", "SC_rgb_rle_32bit.dcm", "SC_rgb_jpeg_gdcm.dcm"):
        assert decode_frames(shipped(name), [0])[0, 5, 50].tolist() == [255, 0, 0]
    for name in ("SC_rgb_dcmtk_+eb+cy+np.dcm", "SC_ybr_full_422_uncompressed.dcm", "SC_rgb_gdcm_KY.dcm"):
        assert np.abs(decode_frames(shipped(name), [0])[0, 5, 50].astype(int) - [255, 0, 0]).max() <= 6
    raw = decode_frames(shipped("MR_small.dcm"), [0])
    for name in ("MR_small_RLE.dcm", "MR_small_jp2klossless.dcm", "MR_small_jpeg_ls_lossless.dcm"):
        assert np.array_equal(decode_frames(shipped(name), [0]), raw)


def test_palette_and_long_loops_by_frame():
    assert decode_frames(shipped("examples_palette.dcm"), [0]).shape == (1, 350, 800, 3)
    two = decode_frames(shipped("examples_ybr_color.dcm"), [29, 3, 29])
    assert np.array_equal(two[0], two[2])
    assert not np.array_equal(two[0], two[1])
    assert np.array_equal(two[1], decode_frames(shipped("examples_ybr_color.dcm"), [3])[0])


def test_ct_comes_in_hounsfield_units(tmp_path, grey):
    path = write(tmp_path / "a.dcm", grey)
    assert pixel_facts(read_header(path)) == ("HU", 1, 1)
    assert decode_frames(path, [0]).tolist() == [[[-1024, 0], [40, 1000]]]


def test_a_monochrome1_ct_is_not_inverted(tmp_path, grey):
    path = write(tmp_path / "a.dcm", grey, PhotometricInterpretation="MONOCHROME1")
    assert decode_frames(path, [0])[0, 0, 0] == -1024


def test_old_12_bit_files_are_unwrapped(tmp_path):
    # 0 HU was stored as 0 and -1000 HU as 3096: both after adding 1000 and wrapping at 4096.
    stored = np.array([[0, 3096], [40, 4095]], dtype=np.uint16)
    path = write(tmp_path / "a.dcm", stored, BitsStored=12, HighBit=11, RescaleIntercept=0)
    assert decode_frames(path, [0]).tolist() == [[[0, -1000], [40, -1]]]
    path = write(tmp_path / "b.dcm", stored, BitsStored=12, HighBit=11, RescaleIntercept=-1024)
    assert decode_frames(path, [0])[0, 0].tolist() == [-1024, 2072]


def test_padding_of_a_ct_is_air(tmp_path):
    stored = np.array([[-2000, 0], [-1500, 40]], dtype=np.int16)
    signed = {"PixelRepresentation": 1, "RescaleIntercept": 0, "PixelPaddingValue": -2000}
    assert decode_frames(write(tmp_path / "a.dcm", stored, **signed), [0]).tolist() == [[[-1024, 0], [-1500, 40]]]
    signed["PixelPaddingRangeLimit"] = -1500
    assert decode_frames(write(tmp_path / "b.dcm", stored, **signed), [0]).tolist() == [[[-1024, 0], [-1024, 40]]]


@pytest.mark.parametrize(
    "elements",
    [
        {"Modality": "MR"},
        {"RescaleSlope": None, "RescaleIntercept": None},
        {"RescaleType": "MGML"},
        {"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]},
    ],
)
def test_only_a_rescaled_ct_has_hounsfield_units(tmp_path, grey, elements):
    path = write(tmp_path / "a.dcm", grey, **elements)
    assert pixel_facts(read_header(path)) == ("intensity", 1, 1)
    assert is_localizer(read_header(path)) == ("ImageType" in elements)
    with pytest.raises(DataError, match="not in Hounsfield units"):
        decode_frames(path, [0], hounsfield_only=True)


def test_enhanced_ct_takes_its_rescale_from_its_groups(tmp_path, grey):
    def group(intercept):
        values, item = Dataset(), Dataset()
        values.RescaleSlope, values.RescaleIntercept, values.RescaleType = 1, intercept, "HU"
        item.PixelValueTransformationSequence = Sequence([values])
        return item

    path = write(
        tmp_path / "e.dcm",
        np.stack([grey, grey]),
        **{"RescaleSlope": None, "RescaleIntercept": None, "NumberOfFrames": 2},
        PerFrameFunctionalGroupsSequence=Sequence([group(-1024), group(-1000)]),
    )
    assert pixel_facts(read_header(path)) == ("HU", 1, 2)
    assert decode_frames(path, [1, 0])[:, 0, 0].tolist() == [-1000, -1024]
    with pytest.raises(DataError, match="no frame 2; it has 2"):
        decode_frames(path, [2])


def test_truncation_shows_before_the_pixels_are_read(tmp_path, grey):
    path = write(tmp_path / "a.dcm", grey)
    check_complete(path, read_header(path))
    path.write_bytes(path.read_bytes()[:-2])
    for call in (lambda: check_complete(path, read_header(path)), lambda: decode_frames(path, [0])):
        with pytest.raises(DataError, match=r"a\.dcm: truncated: 8 bytes of pixels expected, 6 left"):
            call()


@pytest.mark.parametrize(("written", "said"), [(True, True), (True, False), (False, True), (False, False)])
def test_the_last_byte_counts_however_the_file_is_written(tmp_path, grey, written, said):
    """Some files are not written with the implicit or explicit VR that their header says."""
    path = write(tmp_path / "a.dcm", grey)
    ds = pydicom.dcmread(path)
    ds["PixelData"].VR = "OW"
    ds.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if said else ExplicitVRLittleEndian
    with path.open("wb") as file:
        file.write(b"\0" * 128 + b"DICM")
        write_file_meta_info(file, ds.file_meta)
        raw = DicomBytesIO()
        raw.is_implicit_VR, raw.is_little_endian = written, True
        write_dataset(raw, ds)
        file.write(raw.getvalue())
    check_complete(path, read_header(path))
    assert decode_frames(path, [0]).tolist() == [[[-1024, 0], [40, 1000]]]
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError, match=r"truncated: 8 bytes of pixels expected, 7 left"):
        check_complete(path, read_header(path))


def test_what_is_lost_behind_the_pixels_is_no_loss_of_pixels(tmp_path):
    path = tmp_path / "a.dcm"
    path.write_bytes(shipped("MR_small.dcm").read_bytes()[:-10])  # of 138 bytes of padding at the end
    check_complete(path, read_header(path))
    assert np.array_equal(decode_frames(path, [0]), decode_frames(shipped("MR_small.dcm"), [0]))


@pytest.mark.parametrize("cut", [0, 100, 140, 200, 400])
def test_files_cut_anywhere_are_refused(tmp_path, grey, cut):
    path = write(tmp_path / "a.dcm", grey)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(DataError, match=r"a\.dcm: ") as caught:
        decode_frames(path, [0])
    assert "\n" not in str(caught.value)


def test_refusals_name_what_was_found(tmp_path, grey):
    with pytest.raises(DataError, match="no such file"):
        read_header(tmp_path / "none.dcm")
    with pytest.raises(DataError, match="RT Plan Storage, Modality RTPLAN"):
        pixel_facts(read_header(shipped("rtplan.dcm")))
    with pytest.raises(DataError, match="a DICOMDIR"):
        read_header(SHIPPED / "dicomdirtests" / "DICOMDIR")
    huge = write(tmp_path / "huge.dcm", grey, Rows=65535, Columns=65535)
    with pytest.raises(DataError, match="65535 rows"):
        pixel_facts(read_header(huge))


def test_undecodable_syntaxes_are_named_with_a_way_out(tmp_path, grey):
    with pytest.raises(DataError, match=r"JPEG Extended .*pylibjpeg-libjpeg"):
        decode_frames(shipped("JPGExtended.dcm"), [0])
    path = write(tmp_path / "v.dcm", grey)
    ds = pydicom.dcmread(path)
    ds.file_meta.TransferSyntaxUID, ds.PixelData = MPEG2MPML, encapsulate([b"1234"])
    ds["PixelData"].VR = "OB"
    ds.save_as(path)
    with pytest.raises(DataError, match=r"MPEG2 .* is a video, which ffmpeg reads; export it uncompressed"):
        decode_frames(path, [0])


def test_the_terminal_stays_quiet_and_settings_as_they_were(caplog, capfd):
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        decode_frames(shipped("J2K_pixelrep_mismatch.dcm"), [0])
        with pytest.raises(DataError):
            decode_frames(shipped("JPGExtended.dcm"), [0])
        with pytest.raises(DataError, match="its codestream has"):
            decode_frames(shipped("JPEG2000-embedded-sequence-delimiter.dcm"), [0])
    assert capfd.readouterr() == ("", "")
    assert not seen
    assert not caplog.records
    assert logging.getLogger("pydicom").propagate


@pytest.mark.parametrize(
    ("name", "content", "dicom"),
    [("scan", b"\0" * 128 + b"DICM", True), ("a.DCM", b"", True), ("a.png", b"DICM", False), ("a", b"", False)],
)
def test_a_file_is_dicom_by_its_mark_or_its_suffix(tmp_path, name, content, dicom):
    (tmp_path / name).write_bytes(content)
    assert is_dicom(tmp_path / name) is dicom
