"""Every file that pydicom ships (the package and `pydicom-data`) is read as what it means, or refused in one line."""

import io
import re
from functools import cache
from pathlib import Path

import data_store
import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.pixels import apply_color_lut, apply_modality_lut, apply_voi_lut, pixel_array
from pydicom.uid import MediaStorageDirectoryStorage
from rich.console import Console

from mmdx.data.dicom.files import check_complete, decode_frames, pixel_facts, read_header
from mmdx.data.images.decode import decode
from mmdx.data.images.modality import images_listed
from mmdx.data.readers.dicom import read
from mmdx.engine.intake.inspect import rows_of
from mmdx.errors import DataError
from mmdx.terminal.inspect import table

pytestmark = pytest.mark.filterwarnings("ignore")  # pydicom's own words, where it is asked itself
ROOTS = [Path(package.__file__).parent / "data" for package in (pydicom, data_store)]
REASONS = {
    "no DICOM": r"not a DICOM file \(no DICM mark|neither DICOM nor an image of a known format",
    "index": r"a DICOMDIR, an index without images",
    "no image": r"no image in it: ",
    "no pixels": r"a header without pixel data$",
    "broken header": r"broken DICOM header \(",
    "truncated": r"truncated: ",
    "no codec": r"pixels cannot be decoded \(.*\): .*; a codec that is not installed may read it: .*pylibjpeg-libjpeg",
    "corrupt": r"pixels cannot be decoded \(.*\): .*; get the file anew$",
}
REFUSED = {
    "no pixels": {"chrJapMulti.dcm", "chrJapMultiExplicitIR6.dcm", "chrKoreanMulti.dcm"},
    "broken header": {"badVR.dcm"},
    "truncated": {"MR_truncated.dcm"},
    "no codec": {"JPEG-lossy.dcm", "JPGExtended.dcm"},
    "corrupt": {"JPEG2000-embedded-sequence-delimiter.dcm"},
}
"""Beside what is no DICOM file, an index, or an object without an image: that much each file says by itself."""


@cache
def outcomes() -> dict[Path, str]:
    """What became of each file: `read`, or why it was refused."""
    files = (path for root in ROOTS for path in root.rglob("*") if path.is_file())
    return {path: outcome(path) for path in sorted(files) if path.suffix not in (".py", ".pyc")}


def outcome(path: Path) -> str:
    try:
        files, _ = images_listed([path])
        assert len(decode(files, 32).pixels) == len(files.images)
    except DataError as error:
        line = str(error)
    else:
        return "read"
    assert "\n" not in line
    assert len(line) - len(str(path)) < 420
    assert line.startswith((f"{path}: ", "DICOM: "))
    names = [name for name, said in REASONS.items() if re.search(said, line)]
    assert names, line
    return names[0]


def says_itself(path: Path) -> str | None:
    """Why a file holds no picture, by pydicom alone."""
    if path.read_bytes()[128:132] != b"DICM":
        return "no DICOM"
    header = pydicom.dcmread(path, stop_before_pixels=True)
    if header.file_meta.get("MediaStorageSOPClassUID") == MediaStorageDirectoryStorage:
        return "index"
    return None if "Rows" in header else "no image"


def test_every_file_is_read_or_refused_in_one_line():
    found = {path: why for path, why in outcomes().items() if path.suffix in (".dcm", "")}
    plain = {path for path, why in outcomes().items() if path not in found and why not in ("read", "no DICOM")}
    assert not plain
    assert sum(why == "read" for why in found.values()) >= 160
    for path, why in found.items():
        expected = says_itself(path) or next((w for w, names in REFUSED.items() if path.name in names), "read")
        assert (path.name, why) == (path.name, expected)


def group_attributes(header, frame):
    """A copy of the header with what its functional groups say of one frame, for pydicom's functions to find."""
    flat = pydicom.Dataset()
    flat.update(header)
    flat.file_meta = header.file_meta
    flat.set_original_encoding(*header.original_encoding)
    for name, index in (("SharedFunctionalGroupsSequence", 0), ("PerFrameFunctionalGroupsSequence", frame)):
        for group in list(header.get(name) or [])[index : index + 1]:
            for inner in ("PixelValueTransformationSequence", "FrameVOILUTSequence"):
                if group.get(inner):
                    flat.update(group[inner].value[0])
    return flat


def display_range(flat):
    """The values between which pydicom spreads a window: those of the stored pixels, rescaled."""
    if flat.get("ModalityLUTSequence"):
        return 0, 2 ** flat.ModalityLUTSequence[0].LUTDescriptor[2] - 1
    bits = flat.BitsStored
    ends = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if flat.PixelRepresentation else (0, 2**bits - 1)
    return tuple(x * float(flat.get("RescaleSlope", 1)) + float(flat.get("RescaleIntercept", 0)) for x in ends)


def reference(header, raw, frame, unit):
    """pydicom's own pipeline, at mmdx's scale."""
    if header.PhotometricInterpretation == "PALETTE COLOR":
        coloured = apply_color_lut(raw, header)[..., :3].astype(float)
        return coloured * (255 / 65280 if coloured.max() > 255 and not (coloured % 256).any() else 1)
    if raw.ndim == 3:
        return raw * (255 / (2**header.BitsStored - 1))
    flat = group_attributes(header, frame)
    values = apply_modality_lut(raw, flat)
    if unit == "HU":
        return np.where(raw == flat.get("PixelPaddingValue", np.inf), -1024, values)
    ends = display_range(flat)
    if flat.get("VOILUTSequence"):
        seen, ends = apply_voi_lut(values, flat), (0, 2 ** flat.VOILUTSequence[0].LUTDescriptor[2] - 1)
    elif flat.get("WindowWidth") is not None:
        seen = apply_voi_lut(values, flat)
    elif flat.BitsStored <= 8:
        seen = values
    else:
        return values
    shown = (np.asarray(seen, dtype=float) - ends[0]) * (255 / (ends[1] - ends[0]))
    return 255 - shown if flat.PhotometricInterpretation == "MONOCHROME1" else shown


def test_every_picture_is_pydicoms():
    for path in (path for path, why in outcomes().items() if why == "read"):
        header = read_header(path)
        unit, _, count = pixel_facts(header)
        chosen = sorted({0, count // 2, count - 1})
        ours = decode_frames(path, chosen)
        source = pydicom.dcmread(path) if count == 1 else path
        for frame, picture in zip(chosen, ours, strict=True):
            raw = pixel_array(source, index=frame)
            theirs = reference(header, raw, frame, unit)
            if "gdcm-US-ALOKA" in path.name:  # a palette of true 16 bits
                theirs = theirs * (255 / 65535)
            near = np.abs(picture - theirs) <= (1 if picture.dtype == np.uint8 else 1e-3)
            padded = raw == header.get("PixelPaddingValue") if picture.ndim == 2 else False
            assert (near | padded).all(), (path.name, frame)


@pytest.mark.parametrize(
    ("one", "other", "most"),
    [
        *((f"693_{kind}.dcm", f"693_{plain}.dcm", 0) for kind, plain in (("J2KR", "UNCR"), ("J2KI", "UNCI"))),
        *((f"MR2_{kind}.dcm", f"MR2_{plain}.dcm", 0) for kind, plain in (("J2KR", "UNCR"), ("J2KI", "UNCI"))),
        *((f"RG1_{kind}.dcm", f"RG1_{plain}.dcm", 0) for kind, plain in (("J2KR", "UNCR"), ("J2KI", "UNCI"))),
        *((f"RG3_{kind}.dcm", f"RG3_{plain}.dcm", 0) for kind, plain in (("J2KR", "UNCR"), ("J2KI", "UNCI"))),
        *((f"US1_{kind}.dcm", f"US1_{plain}.dcm", 0) for kind, plain in (("J2KR", "UNCR"), ("J2KI", "UNCI"))),
        *((f"SC_rgb_dcmtk_+eb+{k}.dcm", f"SC_rgb_dcmtk_eb{k.replace('+', '')}_dcmd.dcm", 2) for k in ("cr", "cy+n2")),
        *(
            (f"SC_rgb_dcmtk_+eb+{k}.dcm", f"SC_rgb_dcmtk_eb{k.replace('+', '')}_dcmd.dcm", 2)
            for k in ("cy+s2", "cy+s4")
        ),
        *(
            (f"SC_rgb_dcmtk_+eb+{k}.dcm", f"SC_rgb_dcmtk_eb{k.replace('+', '')}_dcmd.dcm", 2)
            for k in ("cy+n1", "cy+np")
        ),
        ("SC_rgb_jpeg.dcm", "SC_rgb_jpeg_dcmd.dcm", 2),
        ("SC_jpeg_no_color_transform_2.dcm", "SC_rgb_jpeg_app14_dcmd.dcm", 2),
        ("SC_ybr_full_uncompressed.dcm", "SC_rgb.dcm", 6),
        ("SC_rgb_gdcm_KY.dcm", "SC_rgb_gdcm2k_uncompressed.dcm", 0),
        ("emri_small_jpeg_2k_lossless.dcm", "emri_small.dcm", 0),
        ("emri_small_jpeg_2k_lossless_too_short.dcm", "emri_small.dcm", 0),
        ("emri_small_jpeg_ls_lossless.dcm", "emri_small.dcm", 0),
        ("emri_small_RLE.dcm", "emri_small_big_endian.dcm", 0),
        ("JPEG2000.dcm", "JPEG2000_UNC.dcm", 0),
        ("color-pl.dcm", "color-px.dcm", 0),
        ("OBXXXX1A_rle_2frame.dcm", "OBXXXX1A_expb_2frame.dcm", 1),
        ("gdcm-US-ALOKA-16.dcm", "gdcm-US-ALOKA-16_big.dcm", 0),
        ("liver.dcm", "liver_expb.dcm", 0),
        ("rtdose_rle.dcm", "rtdose_expb.dcm", 0),
    ],
)
def test_one_picture_written_twice_is_one_picture(one, other, most):
    """Some were decompressed by dcmtk, so that another decoder than ours has the say."""
    paths = [Path(get_testdata_file(name, download=False)) for name in (one, other)]
    frames = range(pixel_facts(read_header(paths[0]))[2])
    first, second = (decode_frames(path, frames).astype(float) for path in paths)
    assert np.abs(first - second).max() <= most


def test_all_of_them_are_studies_or_say_why(tmp_path):
    """Each file is an image of a study, named in the problems of one, or a study of its own that could not be read."""
    for root in ROOTS:
        studies = read(root)
        for study in studies:
            assert study.modalities or study.problems
            assert all("\n" not in problem for problem in study.problems)
        out = io.StringIO()
        Console(file=out, width=80).print(table(rows_of(studies, root), width=80))
        assert max(map(len, out.getvalue().splitlines())) <= 80


def test_compressed_files_cut_short_are_found_before_they_are_decoded(tmp_path):
    for path in (path for path, why in outcomes().items() if why == "read"):
        header = read_header(path)
        if not header.file_meta.TransferSyntaxUID.is_encapsulated:
            continue
        whole = path.read_bytes()
        end = whole.rindex(b"\xfe\xff\xdd\xe0") if b"\xfe\xff\xdd\xe0" in whole else len(whole)
        (tmp_path / "cut.dcm").write_bytes(whole[: end - 2])
        with pytest.raises(DataError, match=r"truncated: its compressed pixels have no end"):
            check_complete(tmp_path / "cut.dcm", header)
