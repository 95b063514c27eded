"""One series stands for a study, and whatever does not is named."""

from pathlib import Path

from pydicom import Dataset
from pydicom.uid import CTImageStorage, SecondaryCaptureImageStorage

from mmdx.data.series import SourceImage, choose_series


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
    assert "another acquisition at the same positions (b0, b1)" in problems[0]


def test_an_acquisition_number_a_slice_is_one_series():
    images = [image(f"a{k}", z=5 * k, AcquisitionNumber=k) for k in range(4)]
    assert len(choose_series(images)[0].images) == 4


def test_a_copied_slice_stays_and_is_certified_as_a_duplicate():
    files, _ = choose_series([*stack("a", 3, AcquisitionNumber=1), image("a1copy", z=5, AcquisitionNumber=1)])
    assert names(files) == ["a0", "a1", "a1copy", "a2"]
    assert files.order.duplicates == (2,)


def test_frames_count_as_images():
    files, _ = choose_series([*stack("a", 3), image("loop", series=2, frames=5, Modality="XA", unit="intensity")])
    assert [ref.frame for ref in files.images] == [0, 1, 2, 3, 4]
