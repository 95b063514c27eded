"""Places along the normal are those of highdicom, for any plane and any tilt; malformed elements are no evidence."""

import math
import re
from pathlib import Path

import numpy as np
import pytest
from highdicom.spatial import get_series_volume_positions, sort_datasets
from hypothesis import assume, given
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import CTImageStorage
from scipy.spatial.transform import Rotation

from mmdx.data.order.certificate import certify_dicom
from mmdx.data.order.geometry import along_normal, frame_number, frame_value, slice_number, slice_of
from mmdx.study import ImageRef

ANGLES = st.floats(-math.pi, math.pi, allow_nan=False)


def headers(turns, places, shift=(0.0, 0.0)):
    """Single-frame slices at `places` mm along the normal of a plane turned by three angles; each next one shifted."""
    rows, columns, normal = Rotation.from_euler("zyx", turns).as_matrix().T
    found = []
    for k, place in enumerate(places):
        header = Dataset()
        header.SOPClassUID = CTImageStorage
        position = place * normal + k * (shift[0] * rows + shift[1] * columns) + np.array([-120.0, 40.0, 7.0])
        header.ImagePositionPatient = [f"{x:.6f}" for x in position]
        header.ImageOrientationPatient = [f"{x:.9f}" for x in (*rows, *columns)]
        found.append(header)
    return found


def upward(turns):
    """Whether the normal of a turned plane runs to the patient's head, back or left, whichever is nearest."""
    normal = Rotation.from_euler("zyx", turns).as_matrix()[:, 2]
    sizes = np.sort(np.abs(normal))
    assume(sizes[2] - sizes[1] > 0.01)  # between two axes there is no nearest one
    return normal[np.abs(normal).argmax()] > 0


@given(st.tuples(ANGLES, ANGLES, ANGLES), st.integers(2, 12), st.floats(0.5, 10), st.randoms(use_true_random=False))
def test_spacing_and_order_are_highdicoms_in_any_plane(turns, count, spacing, random):
    made = headers(turns, [spacing * k for k in range(count)])
    random.shuffle(made)
    theirs, index = get_series_volume_positions(made, index_convention=("R", "D"))
    forward = list(range(count))[:: 1 if upward(turns) else -1]
    refs, order, _ = certify_dicom([(ImageRef(Path(f"{k}.dcm")), h) for k, h in enumerate(made)])
    assert order.source == "position"
    assert order.spacing_mm == pytest.approx(theirs, abs=1e-4)
    assert [index[int(ref.path.stem)] for ref in refs] == forward
    assert (order.gaps, order.duplicates) == ((), ())


@given(
    st.tuples(ANGLES, ANGLES, ANGLES),
    st.lists(st.floats(0.5, 10), min_size=1, max_size=9),
    st.tuples(st.floats(-5, 5), st.floats(-5, 5)),
    st.randoms(use_true_random=False),
)
def test_order_is_highdicoms_under_a_tilted_gantry_with_uneven_steps(turns, steps, shift, random):
    """The table moves obliquely to the plane, so that positions shift within it; highdicom takes no such volume."""
    made = headers(turns, np.cumsum([0.0, *steps]), shift)
    random.shuffle(made)
    theirs = sort_datasets(made, index_convention=("R", "D"))[:: 1 if upward(turns) else -1]
    refs, order, _ = certify_dicom([(ImageRef(Path(f"{k}.dcm")), h) for k, h in enumerate(made)])
    assert [made[int(ref.path.stem)] for ref in refs] == theirs
    assert order.spacing_mm == pytest.approx(sorted(steps)[(len(steps) - 1) // 2], abs=1e-4)


@given(
    st.tuples(ANGLES, ANGLES, ANGLES),
    st.integers(4, 12),
    st.floats(0.5, 10),
    st.data(),
    st.randoms(use_true_random=False),
)
def test_a_slice_that_is_gone_or_twice_there_is_named_with_its_place(turns, count, spacing, data, random):
    made = headers(turns, [spacing * k for k in range(count)], (0.3, -0.2))
    refs = [(ImageRef(Path(f"{k}.dcm")), header) for k, header in enumerate(made)]
    gone = data.draw(st.integers(1, count - 2))
    twice = data.draw(st.integers(0, count - 1).filter(lambda k: k != gone))
    left = [pair for k, pair in enumerate(refs) if k != gone] + [(ImageRef(Path(f"{twice}x.dcm")), made[twice])]
    random.shuffle(left)
    _, order, problems = certify_dicom(left)
    gone, twice = (k if upward(turns) else count - 1 - k for k in (gone, twice))  # by place from here on
    before = gone - 1 + (twice < gone)
    assert order.gaps == (before,)
    assert order.duplicates == (twice + (twice < gone),)
    gone = gone if upward(turns) else count - 1 - gone
    normal = slices(made)[0].normal
    place = float(np.dot(made[gone].ImagePositionPatient, normal))
    found = re.search(rf"after image {before} \(at about ([-\d.e+]+) mm\); the spacing is ([\d.e+]+) mm", problems[0])
    assert float(found[1]) == pytest.approx(place, rel=1e-3, abs=0.01)
    assert float(found[2]) == pytest.approx(spacing, rel=1e-3)


def slices(made):
    return [slice_of(ImageRef(Path("a")), header) for header in made]


def test_millimetres_along_the_normal_do_not_mind_a_shift_within_the_plane():
    places, problems = along_normal(slices(headers((0, 0, 0.3), [0, 5, 10], (3, -2))))
    assert np.diff(places) == pytest.approx([5, 5], abs=1e-5)
    assert problems == []


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("ImagePositionPatient", [1, 2]),
        ("ImagePositionPatient", [float("nan"), 0, 0]),
        ("ImageOrientationPatient", [0] * 6),
        ("ImageOrientationPatient", [1, 0, 0, 1, 0, 0]),
        ("ImageOrientationPatient", [2, 0, 0, 0, 2, 0]),
    ],
)
def test_malformed_geometry_is_none(keyword, value):
    made = headers((0, 0, 0), [0, 5])
    setattr(made[1], keyword, value)
    assert along_normal(slices(made)) == (None, ["1 of 2 images have no position; ordered by weaker evidence"])


def test_frames_answer_before_the_shared_groups_before_the_object():
    def group(echo):
        inner, item = Dataset(), Dataset()
        inner.EffectiveEchoTime = echo
        item.MREchoSequence = Sequence([inner])
        return item

    header = Dataset()
    header.NumberOfFrames, header.EffectiveEchoTime = 3, 1.0
    header.SharedFunctionalGroupsSequence = Sequence([group(2.0)])
    assert [frame_value(header, k, "EffectiveEchoTime") for k in range(2)] == [2.0, 2.0]
    header.PerFrameFunctionalGroupsSequence = Sequence([group(3.0), group(4.0)])
    assert [frame_value(header, k, "EffectiveEchoTime") for k in range(3)] == [3.0, 4.0, 2.0]
    assert frame_value(header, 0, "EffectiveEchoTime", "PlanePositionSequence") is None


@pytest.mark.parametrize(
    ("elements", "places"),
    [
        ({"SliceVector": [1, 2, 1, 2], "SpacingBetweenSlices": 4}, [100.0, 104.0, 100.0, 104.0]),
        ({"SliceVector": [1, 2, 1, 2], "SpacingBetweenSlices": -4}, [100.0, 96.0, 100.0, 96.0]),
        ({"NumberOfSlices": 2, "SpacingBetweenSlices": -4}, [100.0, 96.0, 100.0, 96.0]),
        ({"NumberOfSlices": 3, "SpacingBetweenSlices": -4}, [None] * 4),
        ({"SliceVector": 1, "SpacingBetweenSlices": 4}, [100.0, None, None, None]),
        ({"SliceVector": [1, 2, 3, 4]}, [None] * 4),
        ({"SpacingBetweenSlices": 4}, [None] * 4),
    ],
)
def test_slices_of_nuclear_medicine_are_stacked_from_their_detector(elements, places):
    detector, header = Dataset(), Dataset()
    detector.ImagePositionPatient, detector.ImageOrientationPatient = [1, 2, 100], [1, 0, 0, 0, 1, 0]
    header.NumberOfFrames, header.DetectorInformationSequence = 4, Sequence([detector])
    for keyword, value in elements.items():
        setattr(header, keyword, value)
    found = [slice_of(ImageRef(Path("a"), k), header) for k in range(4)]
    assert [s.position and s.position[2] for s in found] == places
    assert frame_number(header, 9, "SliceVector") is None
    assert slice_number(header, 0) in (1, None)
