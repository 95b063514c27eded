"""Frames and images at the same positions are taken apart by what tells them apart."""

from pathlib import Path

import pytest
from pydicom import Dataset
from pydicom.sequence import Sequence

from mmdx.data.dicom.runs import is_stack, moments_said, one_run
from mmdx.study import ImageRef


def single(z, **elements):
    header = Dataset()
    header.ImageOrientationPatient, header.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [0.0, 0.0, float(z)]
    for keyword, value in elements.items():
        setattr(header, keyword, value)
    return header


def files(headers):
    return [(ImageRef(Path(f"{k}.dcm")), header) for k, header in enumerate(headers)]


def framed(count, **elements):
    header = Dataset()
    header.NumberOfFrames = count
    for keyword, value in elements.items():
        setattr(header, keyword, value)
    return [(ImageRef(Path("a.dcm"), k), header) for k in range(count)]


def nuclear(slots, slices, **elements):
    """Time slots of slices, slot after slot, below each other from 100 mm."""
    detector = Dataset()
    detector.ImagePositionPatient, detector.ImageOrientationPatient = [0, 0, 100], [1, 0, 0, 0, 1, 0]
    vectors = {
        "TimeSlotVector": [t + 1 for t in range(slots) for _ in range(slices)],
        "SliceVector": [s + 1 for _ in range(slots) for s in range(slices)],
        "DetectorInformationSequence": Sequence([detector]),
        "SpacingBetweenSlices": -4.0,
    }
    return framed(slots * slices, **{k: v for k, v in (vectors | elements).items() if v is not None})


def test_what_stands_nowhere_twice_is_one_run():
    assert one_run(files(single(z) for z in (0, 5, 10))) == ([0, 1, 2], "")
    assert one_run(framed(4)) == ([0, 1, 2, 3], "")


def test_one_time_slot_of_a_gated_object_is_kept():
    assert one_run(nuclear(3, 4)) == ([0, 1, 2, 3], "TimeSlotVector")
    assert one_run(nuclear(3, 4, TimeSlotVector=None, SliceVector=None, NumberOfSlices=4)) == (
        [0, 1, 2, 3],
        "frame number",
    )
    unplaced = nuclear(3, 4, DetectorInformationSequence=None)
    assert one_run(unplaced) == ([0, 1, 2, 3], "TimeSlotVector")
    windows = nuclear(2, 2, TimeSlotVector=None, EnergyWindowVector=[2, 2, 1, 1])
    assert one_run(windows) == ([2, 3], "EnergyWindowVector")


def test_without_an_element_that_tells_the_first_at_each_place_are_a_run():
    numbered = [single(z, InstanceNumber=n) for n, z in enumerate((0, 0, 5, 5, 10, 10))]
    assert one_run(files(numbered)) == ([0, 2, 4], "InstanceNumber")
    phases = [single(z, TriggerTime=t, InstanceNumber=9 - t) for z, t in ((0, 7), (0, 1), (5, 2), (5, 8))]
    assert one_run(files(phases)) == ([1, 2], "TriggerTime")


def test_one_copied_image_is_no_second_run():
    assert one_run(files(single(z) for z in (0, 5, 5, 10))) == ([0, 1, 2, 3], "")


@pytest.mark.parametrize("pointer", [0x00189073, 0x00209128], ids=["AcquisitionDuration", "TemporalPositionIndex"])
def test_a_dimension_tells_runs_apart_by_what_it_points_at(pointer):
    def group(z, values):
        position, content, item = Dataset(), Dataset(), Dataset()
        position.ImagePositionPatient, content.DimensionIndexValues = [0.0, 0.0, float(z)], values
        item.PlanePositionSequence, item.FrameContentSequence = Sequence([position]), Sequence([content])
        return item

    def index(tag):
        item = Dataset()
        item.DimensionIndexPointer = tag
        return item

    plane, shared = Dataset(), Dataset()
    plane.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    shared.PlaneOrientationSequence = Sequence([plane])
    kept, by = one_run(
        framed(
            4,
            SharedFunctionalGroupsSequence=Sequence([shared]),
            PerFrameFunctionalGroupsSequence=Sequence([group(5 * z, [z, t]) for t in (2, 1) for z in (1, 2)]),
            DimensionIndexSequence=Sequence([index(0x00209057), index(pointer)]),
        )
    )
    assert kept == [2, 3]
    assert by in ("AcquisitionDuration", "TemporalPositionIndex")


def test_moments_at_one_place_are_said():
    loop = files(single(5, TriggerTime=t) for t in (0, 40, 80))
    assert one_run(loop) == ([0, 1, 2], "")
    assert moments_said(loop) == ["3 images of one place, told apart by TriggerTime: moments, and no slices"]
    planar = framed(3, TimeSlotVector=[1, 2, 3])
    assert moments_said(planar) == ["3 images of one place, told apart by TimeSlotVector: moments, and no slices"]
    for others in (files(single(z, TriggerTime=z) for z in (0, 5, 10)), framed(3), framed(2, DetectorVector=[1, 2])):
        assert moments_said(others) == []


def test_a_stack_has_a_position_for_each_of_three_images_or_more():
    assert is_stack(files(single(z) for z in (0, 10, 5)))
    assert not is_stack(files(single(z) for z in (0, 5)))
    assert not is_stack(files(single(z) for z in (0, 5, 5, 10)))
