"""Slices stand in the order of their positions, whatever the order of their files."""

import itertools
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.sequence import Sequence

from mmdx.data.order.certificate import certify_dicom, certify_filenames
from mmdx.study import ImageRef, Order

AXIAL = [1, 0, 0, 0, 1, 0]


def slice_at(z=None, number=None, name="a.dcm", orientation=AXIAL):
    header = Dataset()
    if z is not None:
        normal = np.cross(orientation[:3], orientation[3:])
        header.ImagePositionPatient = [float(x) for x in z * normal + np.array([-100.0, -120.0, 0.0])]
        header.ImageOrientationPatient = [float(x) for x in orientation]
    if number is not None:
        header.InstanceNumber = number
    return ImageRef(Path(name)), header


def stack(places, numbers=None, names=None):
    numbers = numbers or range(1, len(places) + 1)
    names = names or [f"IM{i}.dcm" for i in numbers]
    return [slice_at(z, number, name) for z, number, name in zip(places, numbers, names, strict=True)]


def names_of(refs):
    return [ref.path.name for ref in refs]


def test_positions_decide_over_numbers_and_say_so():
    refs, order, problems = certify_dicom(stack([10, 0, 5], numbers=[1, 2, 3], names=["x1.dcm", "x2.dcm", "x3.dcm"]))
    assert names_of(refs) == ["x2.dcm", "x3.dcm", "x1.dcm"]
    assert order == Order("position", spacing_mm=5.0, agrees=False, axes="LP")
    assert any("instance numbers disagree" in problem for problem in problems)


def test_reversed_numbers_agree_up_to_direction():
    _, order, problems = certify_dicom(stack([0, 5, 10, 15], numbers=[4, 3, 2, 1]))
    assert (order.agrees, problems) == (True, ())


def test_one_source_alone_has_nothing_to_agree_with():
    headers = [slice_at(z, None, name) for z, name in ((0, "ab.dcm"), (5, "cd.dcm"), (10, "q.dcm"))]
    assert certify_dicom(headers)[1].agrees is None


def test_answer_does_not_depend_on_the_listing():
    # A duplicate, a gap, a tie and numbers that disagree: each could leak the listing into the answer.
    headers = stack([0, 5, 5, 20, 25], numbers=[3, 1, 1, 2, 9], names=list("abcde"))
    answers = {certify_dicom(list(p)) for p in itertools.permutations(headers)}
    assert len(answers) == 1
    paths = [Path(n) for n in ("s1.png", "s10.png", "s2.png", "s02.png")]
    assert len({certify_filenames(list(p)) for p in itertools.permutations(paths)}) == 1


@given(
    st.lists(
        st.tuples(
            st.none() | st.sampled_from([0.0, 5.0, 5.0004, 10.0, 20.0, 22.5]),
            st.none() | st.integers(1, 4),
            st.sampled_from(["IM1", "IM2", "IM10", "a", "834512", "7"]),
        ),
        max_size=8,
    ),
    st.randoms(use_true_random=False),
)
def test_whatever_is_missing_or_double_the_listing_does_not_matter(found, random):
    headers = [slice_at(z, number, f"{k}/{name}") for k, (z, number, name) in enumerate(found)]
    refs, order, problems = certify_dicom(headers)
    assert sorted(refs, key=str) == sorted((ref for ref, _ in headers), key=str)
    assert all("\n" not in problem for problem in problems)
    random.shuffle(headers)
    assert certify_dicom(headers) == (refs, order, problems)


@pytest.mark.parametrize(
    "orientation",
    [AXIAL, [0, 1, 0, 0, 0, -1], [1, 0, 0, 0, 0, -1], [1, 0, 0, 0, np.cos(0.3), np.sin(0.3)], [1, 0, 0, 0, -1, 0]],
    ids=["axial", "sagittal", "coronal", "tilted gantry", "upside down"],
)
def test_any_plane_has_its_own_axis_towards_head_back_or_left(orientation):
    towards = np.cross(orientation[:3], orientation[3:]).sum()
    headers = [slice_at(5.0 * i * np.sign(towards), None, f"{i}.dcm", orientation) for i in range(6)]
    expected = names_of(ref for ref, _ in headers)
    random.Random(3).shuffle(headers)
    refs, order, _ = certify_dicom(headers)
    assert names_of(refs) == expected
    assert order.spacing_mm == pytest.approx(5.0)


def test_table_moving_straight_under_a_tilted_gantry_is_measured_along_the_normal():
    tilted = [1.0, 0.0, 0.0, 0.0, float(np.cos(0.3)), float(np.sin(0.3))]
    headers = []
    for i in range(4):
        header = Dataset()
        header.ImagePositionPatient, header.ImageOrientationPatient = [0.0, 0.0, 5.0 * i], tilted
        headers.append((ImageRef(Path(f"{i}.dcm")), header))
    assert certify_dicom(headers)[1].spacing_mm == pytest.approx(5.0 * np.cos(0.3), abs=1e-5)


def test_missing_slice_is_a_gap_after_its_predecessor():
    _, order, problems = certify_dicom(stack([0, 5, 10, 20, 25], numbers=[1, 2, 3, 5, 6]))
    assert order.gaps == (2,)
    assert "after image 2 (at about 15 mm)" in problems[0]


def test_missing_slice_shows_with_three_images_left_and_numbers_written_anew():
    assert certify_dicom(stack([0, 5, 15]))[1].gaps == (1,)


def test_second_spacing_numbered_without_a_break_is_no_gap():
    places = [0, 2.5, 5, 7.5, 10, 15, 20, 25]
    _, order, problems = certify_dicom(stack(places))
    assert order.gaps == ()
    assert problems == ("spacing changes to 5 mm after image 4",)
    numbers_lost = [1, 2, 3, 4, 5, 7, 9, 11]
    assert certify_dicom(stack(places, numbers=numbers_lost))[1].gaps == (4, 5, 6)


def test_two_slices_at_one_position_are_a_duplicate():
    _, order, problems = certify_dicom(stack([0, 5, 5.0004, 10], numbers=[1, 2, 3, 4]))
    assert order == Order("position", spacing_mm=5.0, duplicates=(2,), agrees=True, axes="LP")
    assert problems == ("two images at one position: 1 and 2",)


def test_numbers_decide_without_positions():
    headers = [slice_at(None, n, name) for n, name in ((12, "b"), (2, "a"), (3, "c"), (3, "d"))]
    refs, order, problems = certify_dicom(headers)
    assert names_of(refs) == ["a", "c", "d", "b"]
    assert (order.source, order.gaps, order.duplicates) == ("instance", (2,), (2,))
    assert len(problems) == 2


@pytest.mark.parametrize("lost", [0, 2])
def test_one_image_without_position_leaves_the_order_to_the_numbers(lost):
    headers = stack([0, 5, 10], numbers=[3, 2, 1])
    del headers[lost][1].ImagePositionPatient
    refs, order, problems = certify_dicom(headers)
    assert (names_of(refs), order.source) == (["IM1.dcm", "IM2.dcm", "IM3.dcm"], "instance")
    assert "1 of 3 images have no position" in problems[0]


def test_mixed_planes_have_no_common_axis():
    headers = [slice_at(0, 2, "a"), slice_at(5, 1, "b", [0, 1, 0, 0, 0, -1])]
    refs, order, problems = certify_dicom(headers)
    assert (names_of(refs), order.source) == (["b", "a"], "instance")
    assert "different orientation" in problems[0]


def test_malformed_elements_are_no_evidence():
    headers = stack([0, 5], numbers=[2, 1])
    headers[0][1].ImageOrientationPatient = [0.0] * 6
    assert certify_dicom(headers)[1].source == "instance"


def test_file_names_decide_last_and_nothing_is_unknown():
    assert certify_dicom([slice_at(name=n) for n in ("s10.dcm", "s9.dcm")])[1].source == "filename"
    refs, order, problems = certify_dicom([slice_at(name=n) for n in ("q.dcm", "abc.dcm")])
    assert (names_of(refs), order) == (["abc.dcm", "q.dcm"], Order("unknown"))
    assert "unknown" in problems[0]


def plane(z):
    position, orientation, group = Dataset(), Dataset(), Dataset()
    position.ImagePositionPatient = [0.0, 0.0, float(z)]
    orientation.ImageOrientationPatient = AXIAL
    group.PlanePositionSequence, group.PlaneOrientationSequence = Sequence([position]), Sequence([orientation])
    return group


def test_frames_of_an_enhanced_object_stand_by_their_own_positions():
    header = Dataset()
    header.NumberOfFrames, header.InstanceNumber = 3, 1
    header.PerFrameFunctionalGroupsSequence = Sequence([plane(10), plane(0), plane(5)])
    refs, order, _ = certify_dicom([(ImageRef(Path("e.dcm"), k), header) for k in range(3)])
    assert [ref.frame for ref in refs] == [1, 2, 0]
    assert (order.source, order.spacing_mm) == ("position", 5.0)


def test_frames_without_positions_stand_as_stored():
    header = Dataset()
    header.NumberOfFrames = 12
    header.ImagePositionPatient, header.ImageOrientationPatient = [0, 0, 0], AXIAL
    refs, order, problems = certify_dicom([(ImageRef(Path("c.dcm"), k), header) for k in reversed(range(12))])
    assert ([ref.frame for ref in refs], order, problems) == (list(range(12)), Order("instance"), ())


def test_single_slice_and_no_slice():
    assert certify_dicom([slice_at(3, 1)])[1] == Order("position", axes="LP")
    assert certify_dicom([]) == ((), Order("unknown"), ())


@pytest.mark.parametrize(
    ("names", "expected", "order"),
    [
        (["10.jpg", "9.jpg", "8.jpg"], ["8.jpg", "9.jpg", "10.jpg"], Order("filename")),
        (["s_1.png", "s_2.png", "s_5.png"], ["s_1.png", "s_2.png", "s_5.png"], Order("filename", gaps=(1,))),
        (["7.png", "07.png", "8.png"], ["07.png", "7.png", "8.png"], Order("filename", duplicates=(1,))),
        (["a2_1.png", "a1_3.png", "a1_1.png"], ["a1_1.png", "a1_3.png", "a2_1.png"], Order("filename")),
        (["front.png", "back.png"], ["back.png", "front.png"], Order("unknown")),
        (["3fa9.png", "b21c.png"], ["3fa9.png", "b21c.png"], Order("unknown")),
        (["slice.1.img", "slice.12.img", "slice.3.img"], ["slice.1.img", "slice.3.img", "slice.12.img"], None),
        (["834512.jpg", "102934.jpg", "99.jpg"], ["99.jpg", "102934.jpg", "834512.jpg"], Order("unknown")),
        (["10.png", "30.png", "20.png"], ["10.png", "20.png", "30.png"], Order("filename", gaps=(0, 1))),
        ([], [], Order("unknown")),
    ],
)
def test_file_names(names, expected, order):
    refs, found = certify_filenames([Path("case7") / name for name in names])
    assert names_of(refs) == expected
    assert found == (order or Order("filename", gaps=(0, 1)))


def test_images_that_do_not_run_one_way_are_shown_as_stored():
    one, other = slice_at(0, 1, "a.dcm"), slice_at(-5, 2, "b.dcm", [1, 0, 0, 0, -1, 0])
    refs, order, problems = certify_dicom([one, other])
    assert (names_of(refs), order.source, order.axes) == (["a.dcm", "b.dcm"], "position", "")
    assert problems == ("rows and columns do not run the same way in all images; shown as stored",)


def test_pixels_of_two_sizes_or_no_squares_are_named():
    headers = stack([0, 5, 10])
    for (_, header), spacing in zip(headers, ([0.5, 0.5], [0.5, 0.5001], [2.0, 1.0]), strict=True):
        header.PixelSpacing = spacing
    assert certify_dicom(headers[:2])[2] == ()
    assert certify_dicom(headers)[2] == (
        "pixels measure 0.5 x 0.5 mm to 1 x 2 mm: fields of view of different size",
        "pixels measure 1 x 2 mm (across x down); resampled to squares",
    )
