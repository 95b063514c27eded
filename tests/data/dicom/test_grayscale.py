"""Grey levels are bright where the picture is bright, whatever way the file states it."""

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.sequence import Sequence

from mmdx.data.dicom.grayscale import frame_attributes, grey_levels, hounsfield, lookup, padding, rescale, significant


def attributes(**elements):
    own = Dataset()
    values = {"BitsStored": 12, "PixelRepresentation": 0, "PhotometricInterpretation": "MONOCHROME2"} | elements
    for keyword, value in values.items():
        setattr(own, keyword, value)
    return own


def table(first, entries, bits=8):
    item = Dataset()
    item.LUTDescriptor = [len(entries), first, bits]
    item.add_new("LUTData", "US", list(entries))
    return item


def test_a_window_spans_black_to_white():
    stored = np.array([[0, 100], [150, 4000]], dtype=np.uint16)
    own = attributes(WindowCenter=150, WindowWidth=101)
    # PS3.3 C.11.2.1.2: black up to 149.5 - 50, white above 149.5 + 50.
    assert grey_levels(stored, own, little_endian=True).tolist() == [[0, 1], [129, 255]]


def test_the_first_of_several_windows_counts():
    stored = np.array([[0, 4000]], dtype=np.uint16)
    own = attributes(WindowCenter=[5000, 1], WindowWidth=[10, 2])
    assert grey_levels(stored, own, little_endian=True).tolist() == [[0, 0]]


def test_a_window_acts_on_rescaled_values():
    stored = np.array([[0, 10]], dtype=np.uint16)
    own = attributes(RescaleSlope=2, RescaleIntercept=-10, WindowCenter=0.5, WindowWidth=1)
    assert grey_levels(stored, own, little_endian=True).tolist() == [[0, 255]]


@pytest.mark.parametrize("width", [0, -1, "x"])
def test_a_malformed_window_is_none(width):
    own = attributes(WindowCenter=5)
    own.add_new("WindowWidth", "LO", str(width))
    assert grey_levels(np.array([[0, 10]], dtype=np.uint16), own, little_endian=True).dtype == np.float32


def test_monochrome1_is_inverted():
    stored = np.array([[0, 4095]], dtype=np.uint16)
    one = {"PhotometricInterpretation": "MONOCHROME1"}
    windowed = attributes(WindowCenter=2048, WindowWidth=4096, **one)
    assert grey_levels(stored, windowed, little_endian=True).tolist() == [[255, 0]]
    assert grey_levels(stored, attributes(**one), little_endian=True).tolist() == [[4095, 0]]
    eight = attributes(BitsStored=8, **one)
    assert grey_levels(np.array([[0, 200]], dtype=np.uint8), eight, little_endian=True).tolist() == [[255, 55]]


def test_pixels_of_few_bits_fill_the_range():
    mask = attributes(BitsStored=1)
    assert grey_levels(np.array([[0, 1]], dtype=np.uint8), mask, little_endian=True).tolist() == [[0, 255]]


def test_deep_pixels_without_a_window_keep_their_values():
    stored = np.array([[0, 1000]], dtype=np.uint16)
    grey = grey_levels(stored, attributes(), little_endian=True)
    assert (grey.dtype, grey.tolist()) == (np.float32, [[0, 1000]])


def test_padding_is_black_even_where_black_is_stored_high():
    stored = np.array([[0, 4095], [100, 0]], dtype=np.uint16)
    own = attributes(PhotometricInterpretation="MONOCHROME1", PixelPaddingValue=0)
    assert grey_levels(stored, own, little_endian=True).tolist() == [[0, 0], [3995, 0]]


def test_padding_written_with_the_other_sign_is_found():
    own = attributes(BitsStored=16)
    own.add_new("PixelPaddingValue", "SS", -2000)
    assert padding(np.array([[63536, 1]], dtype=np.uint16), own).tolist() == [[True, False]]


def test_voi_and_modality_tables_are_looked_up_in_turn():
    own = attributes(
        ModalityLUTSequence=Sequence([table(0, [2, 1, 0])]), VOILUTSequence=Sequence([table(0, [0, 128, 255])])
    )
    stored = np.array([[0, 1, 2, 9]], dtype=np.uint16)
    assert grey_levels(stored, own, little_endian=True).tolist() == [[255, 128, 0, 0]]


def test_long_tables_of_narrow_entries_do_not_wrap():
    long = table(-10, [k // 4 for k in range(1000)])
    assert lookup(np.array([-99, -10, 290, 9999]), long, little_endian=True).tolist() == [0, 0, 75, 249]


@pytest.mark.parametrize(("little", "content"), [(True, b"\x01\x00\x00\x02"), (False, b"\x00\x01\x02\x00")])
def test_tables_of_bytes_have_the_order_of_the_file(little, content):
    item = Dataset()
    item.LUTDescriptor = [2, 0, 16]
    item.add_new("LUTData", "OW", content)
    assert lookup(np.array([0, 1]), item, little_endian=little).tolist() == [1, 512]


def test_a_frame_is_governed_by_its_own_group_first():
    def group(center):
        window, item = Dataset(), Dataset()
        window.WindowCenter, window.WindowWidth = center, 10
        item.FrameVOILUTSequence = Sequence([window])
        return item

    header = attributes(WindowCenter=1, WindowWidth=1)
    header.SharedFunctionalGroupsSequence = Sequence([group(2)])
    assert frame_attributes(header, 1).WindowCenter == 2
    header.PerFrameFunctionalGroupsSequence = Sequence([group(3), group(4)])
    assert [frame_attributes(header, k).WindowCenter for k in (0, 1)] == [3, 4]


@pytest.mark.parametrize(
    ("stored", "high", "signed", "expected"),
    [
        ([0xF001, 0x8FFF, 0x0800], 11, 0, [1, 4095, 2048]),
        ([0xF001, 0x8FFF, 0x0800], 11, 1, [1, -1, -2048]),
        ([0x001F, 0xFFF3, 0x8000], 15, 0, [1, 4095, 2048]),
        ([0x001F, 0xFFF3, 0x8000], 15, 1, [1, -1, -2048]),
    ],
    ids=["overlay above", "overlay above, signed", "overlay below", "overlay below, signed"],
)
def test_overlays_in_unused_bits_are_no_pixels(stored, high, signed, expected):
    words = np.array([stored], np.uint16).astype(np.int16 if signed else np.uint16)
    assert significant(words, attributes(HighBit=high, PixelRepresentation=signed)).tolist() == [expected]


def test_bits_that_cannot_be_are_named():
    with pytest.raises(ValueError, match="BitsStored 12 and HighBit 7 in pixels of 16 bits"):
        significant(np.zeros((1, 1), np.uint16), attributes(HighBit=7))


def test_padding_beyond_the_stored_bits_is_air_and_no_bone():
    """-2000 in 16 bits is 2096 in its lower 12: more than bone, were it a pixel."""
    own = attributes(RescaleSlope=1, RescaleIntercept=-1024, HighBit=11)
    own.add_new("PixelPaddingValue", "SS", -2000)
    words = np.array([[63536, 1064]], np.uint16)
    assert hounsfield(words, own).tolist() == [[-1024, 40]]


@pytest.mark.parametrize(("slope", "intercept"), [(0, 0), (float("nan"), 0), (1, float("inf"))])
def test_a_scale_that_leaves_nothing_to_see_is_named(slope, intercept):
    with pytest.raises(ValueError, match="RescaleSlope"):
        rescale(attributes(RescaleSlope=slope, RescaleIntercept=intercept))
    assert rescale(attributes(RescaleSlope=2)) is None
