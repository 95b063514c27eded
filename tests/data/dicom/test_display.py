"""Windows count where all images of a modality name the same one."""

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.sequence import Sequence

from mmdx.data.dicom.display import display_of, display_problems, displays_of


def attributes(**elements):
    own = Dataset()
    values = {"BitsStored": 12, "PixelRepresentation": 0, "PhotometricInterpretation": "MONOCHROME2"} | elements
    for keyword, value in values.items():
        if value is not None:
            setattr(own, keyword, value)
    return own


def windowed(centre, width, **elements):
    return attributes(WindowCenter=centre, WindowWidth=width, **elements)


def table(entries, as_bytes=False):
    item = Dataset()
    item.LUTDescriptor = [len(entries), 0, 8]
    item.add_new("LUTData", "OW" if as_bytes else "US", np.array(entries, "<u2").tobytes() if as_bytes else entries)
    return attributes(VOILUTSequence=Sequence([item]))


def alike(*frames):
    return len({display_of(frame) for frame in frames}) == 1


def test_the_first_window_is_the_one_that_counts():
    assert alike(windowed(250, 500), windowed("250.0", [500, 80], RescaleSlope=2, RescaleIntercept=0))
    assert not alike(windowed(250, 500), windowed(250, 501))
    assert not alike(windowed(250, 500), windowed(250, 500, VOILUTFunction="SIGMOID"))
    assert alike(windowed(250, 500), windowed(250, 500, VOILUTFunction="LINEAR"))
    assert alike(attributes(), windowed(250, 0))


def test_tables_are_alike_by_their_entries():
    assert alike(table([0, 1, 200]), table([0, 1, 200]))
    assert not alike(table([0, 1, 200]), table([0, 2, 200]))
    assert alike(table([0, 1, 200], as_bytes=True), table([0, 1, 200], as_bytes=True))


def test_pixels_of_few_bits_are_alike_where_their_ends_are():
    eight = attributes(BitsStored=8)
    assert alike(eight, attributes(BitsStored=8))
    assert not alike(eight, attributes(BitsStored=7))
    assert not alike(eight, attributes(BitsStored=8, RescaleSlope=2, RescaleIntercept=0))
    assert not alike(eight, attributes())


def test_deep_values_are_alike_whatever_their_scale_unless_they_are_inverted():
    assert alike(
        attributes(), attributes(BitsStored=16, RescaleSlope=3, RescaleIntercept=0), attributes(BitsStored=None)
    )
    dark = {"PhotometricInterpretation": "MONOCHROME1"}
    assert alike(attributes(**dark), attributes(PresentationLUTShape="INVERSE"))
    assert not alike(attributes(), attributes(**dark))
    assert not alike(attributes(**dark), attributes(BitsStored=16, **dark))


def test_frames_answer_for_themselves():
    def group(centre):
        item = Dataset()
        item.FrameVOILUTSequence = Sequence([windowed(centre, 10)])
        return item

    header = windowed(1, 2)
    assert displays_of(header, range(3)) == (display_of(header),) * 3
    header.PerFrameFunctionalGroupsSequence = Sequence([group(5), group(6), group(5)])
    first, second, third = displays_of(header, range(3))
    assert first == third != second


@pytest.mark.parametrize(
    ("frames", "said"),
    [
        ([windowed(1, 2), windowed(1, 2)], None),
        ([attributes(), attributes(BitsStored=16)], None),
        ([windowed(1, 2), windowed(3, 4), windowed(1, 2)], "windows differ between images (1/2, 3/4)"),
        ([windowed(1, 2), attributes(), table([1])], "2 of 3 images have a window or VOI table, the others have none"),
        ([windowed(1, 2), table([1])], "VOI tables or windows differ between images"),
        ([attributes(), attributes(BitsStored=8)], "bits stored, rescale or inversion differ between images"),
    ],
)
def test_what_differs_is_said(frames, said):
    problems = display_problems(map(display_of, frames))
    assert problems == ([] if said is None else [f"{said}; none is used: one range of values for all images"])
