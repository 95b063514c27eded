"""The size of pixels is what the strongest element says, in millimetres or as a ratio, or nothing."""

import pytest
from pydicom import Dataset
from pydicom.sequence import Sequence

from mmdx.data.order.pixel_size import PixelSize, pixel_size_of, size_problems


def header(**elements):
    found = Dataset()
    for keyword, value in elements.items():
        setattr(found, keyword, value)
    return found


def measures(spacing):
    inner = header(PixelSpacing=spacing)
    return header(PixelMeasuresSequence=Sequence([inner]))


@pytest.mark.parametrize(
    ("elements", "size"),
    [
        ({"PixelSpacing": [2, 1]}, PixelSize(1.0, 2.0)),
        ({"PixelSpacing": [2, 1], "ImagerPixelSpacing": [3, 3]}, PixelSize(1.0, 2.0)),
        ({"ImagerPixelSpacing": [0.143, 0.143]}, PixelSize(0.143, 0.143)),
        ({"NominalScannedPixelSpacing": [0.2, 0.1]}, PixelSize(0.1, 0.2)),
        ({"PixelAspectRatio": [4, 3]}, PixelSize(3.0, 4.0, known=False)),
        ({"PixelSpacing": [0, 1], "PixelAspectRatio": [1, 2]}, PixelSize(2.0, 1.0, known=False)),
        ({"PixelSpacing": [-1, 1]}, None),
        ({"PixelSpacing": "1"}, None),
        ({}, None),
    ],
)
def test_the_strongest_usable_element_counts(elements, size):
    assert pixel_size_of(header(**elements), 0) == size


def test_frames_have_sizes_of_their_own():
    frames = header(NumberOfFrames=3, PixelSpacing=[9, 9])
    frames.SharedFunctionalGroupsSequence = Sequence([measures([1, 1])])
    frames.PerFrameFunctionalGroupsSequence = Sequence([measures([2, 2]), Dataset(), measures([3, 3])])
    assert [pixel_size_of(frames, k) for k in range(3)] == [
        PixelSize(2.0, 2.0),
        PixelSize(1.0, 1.0),
        PixelSize(3.0, 3.0),
    ]
    classic = header(NumberOfFrames=3, PixelSpacing=[9, 9])
    assert pixel_size_of(classic, 2) == PixelSize(9.0, 9.0)


def test_rounding_makes_no_other_size_and_no_oblong():
    size = PixelSize(0.703125, 0.703125)
    assert size.is_like(PixelSize(0.7031, 0.7031))
    assert not size.is_like(PixelSize(0.72, 0.72))
    assert not PixelSize(1.0, 1.0).is_like(PixelSize(1.0, 1.0, known=False))
    assert PixelSize(0.7031, 0.703125).aspect == (1, 1)
    assert PixelSize(0.5, 1.0).aspect == (1, 2)


def test_sentences_name_what_differs():
    assert size_problems([None, PixelSize(1.0, 1.0), PixelSize(1.0001, 1.0)]) == []
    assert size_problems([PixelSize(4.0, 3.0, known=False)]) == [
        "pixels measure 4 x 3 (across x down); resampled to squares"
    ]
    (problem,) = size_problems([PixelSize(1.0, 1.0), PixelSize(0.5, 0.5)])
    assert problem == "pixels measure 0.5 x 0.5 mm to 1 x 1 mm: fields of view of different size"
