"""Colours are what the file means, whatever way it states them."""

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, JPEG2000Lossless, JPEGBaseline8Bit

from mmdx.data.dicom.colour import is_colour, rgb

RAMP = [0, 128, 255]


def header(space, *, samples=3, bits=8, syntax=ExplicitVRLittleEndian):
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = syntax
    ds.PhotometricInterpretation, ds.SamplesPerPixel, ds.BitsStored = space, samples, bits
    return ds


def with_palette(first, content, *, entries, bits, syntax=ExplicitVRLittleEndian, segmented=False):
    ds = header("PALETTE COLOR", samples=1, syntax=syntax)
    for colour in ("Red", "Green", "Blue"):
        descriptor = [entries, first, bits]
        ds.add_new(f"{colour}PaletteColorLookupTableDescriptor", "US" if first >= 0 else "SS", descriptor)
        keyword = f"{'Segmented' if segmented else ''}{colour}PaletteColorLookupTableData"
        ds.add_new(keyword, "OW", content)
    return ds


@pytest.mark.parametrize(
    ("content", "bits", "syntax"),
    [
        (bytes(RAMP), 8, ExplicitVRLittleEndian),
        (np.array(RAMP, "<u2").tobytes(), 16, ExplicitVRLittleEndian),
        ((np.array(RAMP, "<u2") << 8).tobytes(), 16, ExplicitVRLittleEndian),
        ((np.array(RAMP, "<u2") * 257).tobytes(), 16, ExplicitVRLittleEndian),
        ((np.array(RAMP, ">u2") << 8).astype(">u2").tobytes(), 16, ExplicitVRBigEndian),
        ((np.array(RAMP, ">u2") * 257).astype(">u2").tobytes(), 16, ExplicitVRBigEndian),
    ],
    ids=["8 bits", "8 in the lower of 16", "8 in the upper of 16", "16", "upper, big endian", "16, big endian"],
)
def test_palettes_of_any_width_give_the_same_colours(content, bits, syntax):
    ds = with_palette(10, content, entries=3, bits=bits, syntax=syntax)
    stored = np.array([[0, 10, 11, 12, 200]], np.uint8)
    assert rgb(stored, ds)[0, :, 0].tolist() == [0, 0, 128, 255, 255]


def test_a_palette_may_begin_below_zero():
    ds = with_palette(-1, bytes(RAMP), entries=3, bits=8)
    assert rgb(np.array([[-1, 0, 1]], np.int16), ds)[0, :, 1].tolist() == RAMP


def test_a_long_palette_of_narrow_entries_does_not_wrap():
    ds = with_palette(0, bytes(k // 4 for k in range(1000)), entries=1000, bits=8)
    assert rgb(np.array([[290, 999]], np.uint16), ds)[0, :, 2].tolist() == [72, 249]


def test_a_segmented_palette_is_unfolded():
    # PS3.3 C.7.9.2: a discrete segment of one entry (0), then a linear one of three entries that ends at 765.
    content = np.array([0, 1, 0, 1, 3, 765], "<u2").tobytes()
    ds = with_palette(0, content, entries=4, bits=16, segmented=True)
    assert rgb(np.array([[0, 1, 2, 3]], np.uint8), ds)[0, :, 0].tolist() == [0, 1, 2, 3]


def test_deep_colour_is_scaled_by_its_bits():
    stored = np.array([[[0, 2048, 4095]]], np.uint16)
    assert rgb(stored, header("RGB", bits=12))[0, 0].tolist() == [0, 128, 255]
    with pytest.raises(ValueError, match="with a sign"):
        rgb(stored.astype(np.int16), header("RGB", bits=12))


@pytest.mark.parametrize("space", ["RGB", "YBR_FULL", "YBR_FULL_422"])
def test_known_spaces_are_colour(space):
    assert is_colour(header(space))
    assert is_colour(header(space, syntax=JPEGBaseline8Bit))


def test_spaces_of_jpeg_2000_are_known_there_alone():
    assert is_colour(header("YBR_RCT", syntax=JPEG2000Lossless))
    with pytest.raises(ValueError, match="YBR_RCT with 3 sample"):
        is_colour(header("YBR_RCT"))


@pytest.mark.parametrize(
    ("space", "samples"),
    [("HSV", 3), ("CMYK", 4), ("YBR_PARTIAL_420", 3), ("MONOCHROME2", 3), ("RGB", 1), ("PALETTE COLOR", 3)],
)
def test_what_is_no_picture_is_named(space, samples):
    with pytest.raises(ValueError, match=f"PhotometricInterpretation {space} with {samples} sample"):
        is_colour(header(space, samples=samples))
