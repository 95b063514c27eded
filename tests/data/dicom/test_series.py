"""One series stands for a study, and whatever does not is named."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import CTImageStorage, SecondaryCaptureImageStorage

from mmdx.data.dicom.series import SourceImage, choose_series


def image(name, *, series=1, z=0.0, unit="HU", channels=1, frames=1, localizer=False, **elements):
    header = Dataset()
    values = {
        **{"SeriesInstanceUID": f"1.2.{series}", "SeriesNumber": series, "SOPClassUID": CTImageStorage},
        **{"Modality": "CT", "Rows": 8, "Columns": 8, "ImageOrientationPatient": [1, 0, 0, 0, 1, 0]},
        **{"ImagePositionPatient": [0.0, 0.0, float(z)]},
    }
    for keyword, value in (values | elements).items():
        setattr(header, keyword, value)
    return SourceImage(Path(name), header, unit, channels, frames, localizer)


def stack(prefix, count, **options):
    return [image(f"{prefix}{k}", z=5 * k, **options) for k in range(count)]


def names(files):
    return [ref.path.name for ref in files.images]


def test_the_longest_series_is_chosen_and_the_others_are_named():
    files, problems = choose_series(stack("thin", 3, series=2, SeriesDescription="BONE") + stack("soft", 4, series=3))
    assert names(files) == ["soft0", "soft1", "soft2", "soft3"]
    assert (files.order.source, files.unit, files.channels) == ("position", "HU", 1)
    assert len(problems) == 1
    assert "kept out 3 image(s) of series 2 'BONE'" in problems[0]
    assert "series 3 was chosen" in problems[0]


def test_among_equals_the_lowest_number_wins_whatever_the_listing():
    images = stack("b", 2, series=9) + stack("a", 2, series=4)
    assert names(choose_series(images)[0]) == names(choose_series(images[::-1])[0]) == ["a0", "a1"]


def test_a_description_restricts_the_choice():
    images = stack("s", 4, series=1, SeriesDescription="Soft") + stack("b", 2, series=2, SeriesDescription="BONE 1mm")
    files, problems = choose_series(images, description="bone")
    assert names(files) == ["b0", "b1"]
    assert "does not contain 'bone'" in problems[0]
    assert choose_series(images, description="lung")[0] is None


def test_localizers_never_count():
    scout = [image("scout", localizer=True, z=99)]
    files, problems = choose_series(stack("a", 2) + scout)
    assert names(files) == ["a0", "a1"]
    assert problems == ["kept out 1 image(s) of series 1: localizer (scout)"]
    assert choose_series(scout)[0] is None


def test_dose_maps_and_segmentations_are_no_pictures():
    files, problems = choose_series(stack("a", 1) + stack("d", 5, series=2, Modality="RTDOSE"))
    assert names(files) == ["a0"]
    assert "no picture of the patient" in problems[0]


def test_secondary_captures_count_only_by_themselves():
    shots = stack("shot", 3, series=2, SOPClassUID=SecondaryCaptureImageStorage)
    files, problems = choose_series(stack("a", 1) + shots)
    assert names(files) == ["a0"]
    assert "secondary capture" in problems[0]
    assert names(choose_series(shots)[0]) == ["shot0", "shot1", "shot2"]


def test_strays_in_a_series_are_kept_out():
    strays = [
        image("large", z=50, Rows=16),
        image("colour", z=55, channels=3, unit="intensity"),
        image("coronal", z=60, ImageOrientationPatient=[1, 0, 0, 0, 0, -1]),
    ]
    files, problems = choose_series(strays + stack("a", 3))
    assert names(files) == ["a0", "a1", "a2"]
    assert problems == ["kept out 3 image(s) of series 1: differs in size, colour or plane (colour, coronal, large)"]


def test_a_second_acquisition_at_the_same_places_is_kept_out():
    files, problems = choose_series(stack("a", 3, AcquisitionNumber=1) + stack("b", 2, AcquisitionNumber=2))
    assert names(files) == ["a0", "a1", "a2"]
    assert "another acquisition at the same positions, by AcquisitionNumber (b0, b1)" in problems[0]


def test_an_acquisition_number_a_slice_is_one_series():
    images = [image(f"a{k}", z=5 * k, AcquisitionNumber=k) for k in range(4)]
    assert len(choose_series(images)[0].images) == 4


def test_a_copied_slice_stays_and_is_certified_as_a_duplicate():
    files, _ = choose_series([*stack("a", 3, AcquisitionNumber=1), image("a1copy", z=5, AcquisitionNumber=1)])
    assert names(files) == ["a0", "a1", "a1copy", "a2"]
    assert files.order.duplicates == (2,)


@pytest.mark.parametrize(
    ("one", "two", "by"),
    [
        ({"EchoTime": 90}, {"EchoTime": 110}, "EchoTime"),
        ({"TemporalPositionIdentifier": 1}, {"TemporalPositionIdentifier": 2}, "TemporalPositionIdentifier"),
        ({"ConvolutionKernel": "B30"}, {"ConvolutionKernel": "B70"}, "ConvolutionKernel"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "M"]}, {"ImageType": ["ORIGINAL", "PRIMARY", "P"]}, "ImageType"),
    ],
)
def test_of_two_runs_at_the_same_places_the_lower_stays(one, two, by):
    """Though an acquisition is numbered anew a slice, and file names interleave the runs."""
    images = [
        image(f"{k}{name}", z=5 * k, AcquisitionNumber=2 * k + i, **values)
        for k in range(4)
        for i, (name, values) in enumerate((("b", two), ("a", one)))
    ]
    files, problems = choose_series(images)
    assert names(files) == ["0a", "1a", "2a", "3a"]
    assert (files.order.spacing_mm, files.order.duplicates) == (5.0, ())
    assert f"by {by} (0b, 1b, 2b and 1 more)" in problems[0]


def test_two_stacks_that_stand_in_each_other_are_told_apart():
    """The table had moved by half a millimetre between two acquisitions."""
    second = [image(f"b{k}", z=5 * k + 0.5, AcquisitionNumber=2) for k in range(5)]
    files, _ = choose_series(stack("a", 6, AcquisitionNumber=1) + second)
    assert names(files) == [f"a{k}" for k in range(6)]
    assert (files.order.spacing_mm, files.order.gaps) == (5.0, ())


def test_interleaved_packages_of_slices_are_one_stack():
    images = [image(f"{k}", z=5 * k, AcquisitionNumber=k % 2) for k in range(6)]
    assert len(choose_series(images)[0].images) == 6


def test_two_halves_that_share_a_slice_are_one_stack_with_a_duplicate():
    lower = [image(f"a{k}", z=5 * k, AcquisitionNumber=1) for k in range(4)]
    upper = [image(f"b{k}", z=5 * (k + 3), AcquisitionNumber=2) for k in range(4)]
    files, _ = choose_series(lower + upper)
    assert (len(files.images), files.order.duplicates) == (8, (4,))


def test_acquisitions_without_positions_are_told_apart_by_their_numbers():
    def bare(name, number, acquisition):
        made = image(name, InstanceNumber=number, AcquisitionNumber=acquisition)
        del made.header.ImagePositionPatient
        return made

    images = [bare(f"{a}{n}", n, a) for a in (1, 2) for n in (1, 2, 3)]
    files, problems = choose_series(images)
    assert (names(files), files.order.source) == (["11", "12", "13"], "instance")
    assert "by AcquisitionNumber" in problems[0]


def test_a_loop_at_one_place_stays_whole():
    images = [image(f"{k}", z=7, InstanceNumber=k, TriggerTime=10 * k) for k in range(4)]
    assert names(choose_series(images)[0]) == ["0", "1", "2", "3"]


def frame_groups(z, time):
    item, position, content = Dataset(), Dataset(), Dataset()
    position.ImagePositionPatient, content.TemporalPositionIndex = [0.0, 0.0, float(z)], time
    item.PlanePositionSequence, item.FrameContentSequence = Sequence([position]), Sequence([content])
    return item


def test_one_time_point_of_a_four_dimensional_object_is_kept():
    plane = Dataset()
    plane.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    shared = Dataset()
    shared.PlaneOrientationSequence = Sequence([plane])
    groups = [frame_groups(5 * k, time) for k in (2, 0, 1) for time in (2, 1)]
    loop = image(
        "4d",
        frames=6,
        NumberOfFrames=6,
        SharedFunctionalGroupsSequence=Sequence([shared]),
        PerFrameFunctionalGroupsSequence=Sequence(groups),
    )
    files, problems = choose_series([loop])
    assert [ref.frame for ref in files.images] == [3, 5, 1]
    assert (files.order.source, files.order.spacing_mm) == ("position", 5.0)
    assert "kept out 3 image(s) of series 1: another acquisition" in problems[0]
    assert "by TemporalPositionIndex (4d)" in problems[0]


def test_malformed_elements_are_no_reason_to_fail():
    odd = image("odd", series=2)
    odd.header.add_new("SeriesNumber", "LO", "three")
    odd.header.add_new("ImageOrientationPatient", "LO", ["a", "b"])
    odd.header.add_new("ImagePositionPatient", "LO", "x")
    files, _ = choose_series([odd])
    assert (names(files), files.order.source) == (["odd"], "unknown")


def test_screenshots_by_another_name_are_captures():
    dose = image("dose", series=2, ImageType=["DERIVED", "SECONDARY", "SCREEN SAVE"])
    files, problems = choose_series([*stack("a", 2), dose])
    assert names(files) == ["a0", "a1"]
    assert "secondary capture (dose)" in problems[0]


def test_mosaics_are_no_images():
    tiled = {"ImageType": ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"], "Modality": "MR", "unit": "intensity"}
    files, problems = choose_series(stack("m", 9, series=2, **tiled) + stack("a", 2))
    assert names(files) == ["a0", "a1"]
    assert "kept out 9 image(s) of series 2: a mosaic, with many slices in one image; export an image" in problems[0]
    assert choose_series(stack("m", 2, **tiled))[0] is None


def test_a_file_that_was_read_before_is_a_copy():
    def exam(prefix, uid):
        return [image(f"{prefix}{k}", z=5 * k, InstanceNumber=k, SOPInstanceUID=uid(k)) for k in range(3)]

    files, problems = choose_series(exam("a/", lambda k: f"1.2.{k}") + exam("b/", lambda k: f"1.2.{k}"))
    assert [ref.path.as_posix() for ref in files.images] == ["a/0", "a/1", "a/2"]
    assert "kept out 3 image(s) of series 1: a copy, of the same SOPInstanceUID as another file" in problems[0]
    # A program that removes names may write one UID everywhere.
    assert len(choose_series(exam("a/", lambda k: "1.2"))[0].images) == 3


def test_many_series_of_one_image_each_are_one_stack():
    def lone(number, z, **elements):
        return image(
            f"{number}", series=number, z=z, **({"FrameOfReferenceUID": "1.9", "SeriesDescription": "T2"} | elements)
        )

    images = [lone(n, 5 * n) for n in (4, 2, 3)]
    files, problems = choose_series([*images, *stack("b", 2, series=9)])
    assert names(files) == ["2", "3", "4"]
    assert problems[0] == (
        "series 2 'T2' and 2 more of one image each are read as one: the same description and frame of reference, a "
        "position each"
    )
    for apart in ({"SeriesDescription": "FLAIR"}, {"FrameOfReferenceUID": "1.8"}, {"z": 15}):
        files, problems = choose_series([*images[1:], lone(4, **({"z": 20} | apart))])
        assert len(files.images) == 1


def test_slices_of_nuclear_medicine_stand_as_their_spacing_says():
    detector = Dataset()
    detector.ImagePositionPatient, detector.ImageOrientationPatient = [0, 0, 100], [1, 0, 0, 0, 1, 0]
    for spacing, order in ((4.0, [0, 1, 2]), (-4.0, [2, 1, 0])):
        gated = image(
            "nm",
            unit="intensity",
            frames=6,
            NumberOfFrames=6,
            Modality="NM",
            DetectorInformationSequence=Sequence([detector]),
            SpacingBetweenSlices=spacing,
            SliceVector=[1, 2, 3, 1, 2, 3],
            TimeSlotVector=[1, 1, 1, 2, 2, 2],
        )
        files, problems = choose_series([gated])
        assert [ref.frame for ref in files.images] == order
        assert (files.order.source, files.order.spacing_mm) == ("position", 4.0)
        assert "kept out 3 image(s) of series 1: another acquisition at the same positions, by TimeSlot" in problems[0]


def test_windows_that_differ_are_said_of_the_chosen_images():
    windows = [("window", 1.0, 2.0, "LINEAR"), ("window", 3.0, 4.0, "LINEAR")]
    images = [replace(one, displays=(windows[k % 2],)) for k, one in enumerate(stack("a", 3, unit="intensity"))]
    assert choose_series(images)[1] == [
        "windows differ between images (1/2, 3/4); none is used: one range of values for all images"
    ]
    assert choose_series(images[:1])[1] == []


def test_frames_count_as_images():
    files, _ = choose_series([*stack("a", 3), image("loop", series=2, frames=5, Modality="XA", unit="intensity")])
    assert [ref.frame for ref in files.images] == [0, 1, 2, 3, 4]


NUMBERS = st.none() | st.integers(-1, 4)
FOUND = st.fixed_dictionaries(
    {"series": st.integers(1, 2), "z": st.sampled_from([0.0, 5.0, 5.0004, 10.0, 12.5])},
    optional={
        "unit": st.sampled_from(["HU", "intensity"]),
        "channels": st.sampled_from([1, 3]),
        "frames": st.integers(1, 3),
        "localizer": st.booleans(),
        "Modality": st.sampled_from(["CT", "MR", "SEG"]),
        "SOPClassUID": st.sampled_from([CTImageStorage, SecondaryCaptureImageStorage]),
        "Rows": st.sampled_from([8, 16]),
        "ImagePositionPatient": st.none(),
        "ImageOrientationPatient": st.none() | st.just([0, 1, 0, 0, 0, -1]),
        "SeriesNumber": NUMBERS,
        "InstanceNumber": NUMBERS,
        "AcquisitionNumber": NUMBERS,
        "EchoTime": NUMBERS,
    },
)


@given(st.lists(FOUND, min_size=1, max_size=9), st.randoms(use_true_random=False))
def test_whatever_is_found_is_kept_or_named_and_the_listing_does_not_matter(found, random):
    images = [image(f"{k}.dcm", **elements) for k, elements in enumerate(found)]
    files, problems = choose_series(images)
    named = [re.match(r"kept out (\d+) image", problem) for problem in problems]
    kept = 0 if files is None else len(files.images)
    assert kept + sum(int(match[1]) for match in named if match) == sum(i.frames for i in images)
    random.shuffle(images)
    assert choose_series(images) == (files, problems)


def test_text_burned_into_the_pixels_is_named_of_the_chosen_series_alone():
    images = stack("a", 3, series=1) + stack("b", 2, series=2, BurnedInAnnotation="YES")
    assert not any("BurnedInAnnotation" in problem for problem in choose_series(images)[1])
    images = stack("a", 1, series=1) + stack("b", 2, series=2, BurnedInAnnotation="YES")
    assert choose_series(images)[1][-1].startswith("2 image(s) with BurnedInAnnotation YES may show")


def test_a_second_field_of_view_is_kept_out_and_named():
    near = [image(f"near{k}", z=2 * k, PixelSpacing=[0.5, 0.5]) for k in range(4)]
    far = [image(f"far{k}", z=2 * k + 1, PixelSpacing=[1.0, 1.0]) for k in range(3)]
    files, (problem,) = choose_series(near + far)
    assert names(files) == ["near0", "near1", "near2", "near3"]
    assert problem.startswith(
        "kept out 3 image(s) of series 1: another field of view: pixels measure 1 x 1 mm, not 0.5"
    )
    assert names(choose_series(far[:2] + near[:2])[0]) == ["near0", "near1"]  # the smaller pixels among equals


def test_spacings_that_are_rounded_or_lost_keep_a_series_whole():
    rounded = [image(f"s{k}", z=5 * k, PixelSpacing=[0.703125, 0.7031 + k * 1e-4]) for k in range(3)]
    files, problems = choose_series([*rounded, image("s3", z=15)])
    assert (len(files.images), problems) == (4, [])


def test_frames_of_another_size_are_kept_out():
    def group(k, spacing):
        measures, place, plane, item = Dataset(), Dataset(), Dataset(), Dataset()
        measures.PixelSpacing, place.ImagePositionPatient = [spacing, spacing], [0, 0, 5.0 * k]
        plane.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        item.PixelMeasuresSequence, item.PlanePositionSequence = Sequence([measures]), Sequence([place])
        item.PlaneOrientationSequence = Sequence([plane])
        return item

    groups = Sequence([group(k, 0.25 if k < 2 else 1.0) for k in range(6)])
    files, (problem,) = choose_series([image("a", frames=6, NumberOfFrames=6, PerFrameFunctionalGroupsSequence=groups)])
    assert [ref.frame for ref in files.images] == [2, 3, 4, 5]
    assert "pixels measure 0.25 x 0.25 mm, not 1 x 1 mm" in problem


def test_mirrored_rows_turn_neither_the_order_nor_the_volume():
    down = [image(f"s{k}", z=10 * k, ImageOrientationPatient=[1, 0, 0, 0, -1, 0]) for k in range(4)]
    files, problems = choose_series(down[::-1])
    assert (names(files), files.order.axes, problems) == (["s0", "s1", "s2", "s3"], "LA", [])
