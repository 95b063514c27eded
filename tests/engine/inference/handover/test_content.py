"""What an answer says, found again in the content of its report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from handed_over import AUTHOR, SERIES, answer, instance, sources
from highdicom.sr import Measurement, MeasurementReport
from pydicom.sr.codedict import codes

from mmdx.engine.inference.handover.coding import finding, measure
from mmdx.engine.inference.handover.content import USE, order_words, report_content
from mmdx.study import Order


def numbers(measurements: Sequence[Measurement]) -> Mapping[str, float]:
    return {one.name.value: one.value for one in measurements}


def sentences(report: MeasurementReport) -> list[tuple[str, str]]:
    (container,) = [item for item in report[0].ContentSequence if item.name.value == "C0034375"]
    return [(item.name.value, item.value) for item in container.ContentSequence]


def test_a_finding_has_its_score_and_what_it_is_read_against() -> None:
    known = {"calibrated": True, "thresholds": {"bleed": 0.25}, "prevalence": {"bleed": 0.125}}
    report = report_content(answer(**known, spread={"bleed": 0.0625}, members=2), sources(), AUTHOR)
    (group,) = report.get_image_measurement_groups(finding_type=finding("bleed"))
    expected = {"probability": 0.25, "threshold": 0.25, "prevalence": 0.125, "spread": 0.0625}
    assert numbers(group.get_measurements()) == expected
    (reached,) = group.get_qualitative_evaluations(measure("at-threshold"))
    assert reached.value == codes.SCT.Yes
    assert group.tracking_identifier == "bleed"
    (score,) = group.get_measurements(measure("probability"))
    told = [item.value for item in score[0].ContentSequence]
    assert told == ["mmdx", AUTHOR.version, AUTHOR.facts]


def test_what_is_not_calibrated_is_a_score_and_says_so() -> None:
    report = report_content(answer(), sources(), AUTHOR)
    (group,) = report.get_image_measurement_groups()
    assert numbers(group.get_measurements()) == {"score": 0.25}
    assert not group.get_qualitative_evaluations(measure("at-threshold"))
    assert ("meaning", "scores are not calibrated: they rank, and are no probabilities") in sentences(report)


@pytest.mark.parametrize("calibrated", [True, False])
def test_the_likeliest_image_is_named_where_images_are_scored(calibrated: bool) -> None:
    known = {"slices": {"bleed": (0.5, 0.125, 0.75)}, "slice_numbers": (0, 1, 2), "calibrated": calibrated}
    of_slices = report_content(answer(findings={}, **known, thresholds={"bleed": 0.875}), sources(), AUTHOR)
    (group,) = of_slices.get_image_measurement_groups()
    called = "image-prob" if calibrated else "image-score"
    assert numbers(group.get_measurements()) == {called: 0.75, "threshold": 0.875}
    (score,) = group.get_measurements(measure(called))
    assert score.referenced_images[0].referenced_sop_instance_uid == f"{SERIES}.2"
    (reached,) = group.get_qualitative_evaluations(measure("at-threshold"))
    assert reached.value == codes.SCT.No
    of_both = report_content(answer(**known), sources(), AUTHOR)
    (group,) = of_both.get_image_measurement_groups()
    assert numbers(group.get_measurements()) == {"probability" if calibrated else "score": 0.25, "image-score": 0.75}


def test_every_image_that_was_read_is_in_the_library_by_series() -> None:
    several = instance(7, SeriesInstanceUID="1.2.3", NumberOfFrames=4)
    part = type(several)(several.header, (1, 3))
    report = report_content(answer(), sources(instance(0), part, instance(1)), AUTHOR)
    (library,) = [item for item in report[0].ContentSequence if item.name == codes.DCM.ImageLibrary]
    found = [
        [(one.referenced_sop_instance_uid, one.referenced_frame_numbers) for one in group.ContentSequence]
        for group in library.ContentSequence
    ]
    assert found == [[(f"{SERIES}.0", None), (f"{SERIES}.1", None)], [(f"{SERIES}.7", [2, 4])]]
    names = [item.name for item in report[0].ContentSequence]
    assert names.index(codes.DCM.ImageLibrary) == names.index(codes.DCM.ImagingMeasurements) - 1


def test_what_was_shown_and_what_is_wrong_stand_beside_the_scores() -> None:
    known = {"apart": {"image": 1.5}, "problems": ("a gap\nhere",), "reports_without": "the section 'impression'"}
    report = report_content(answer(**known), sources(), AUTHOR, ["a header is odd"])
    said = sentences(report)
    assert said[0] == ("use", USE)
    assert said[1][0] == "meaning"
    assert said[1][1].startswith("warning: image is unlike the training images (1.5 times as far")
    assert said[3:] == [
        ("shown", "image"),
        ("absent", "without report: answered from image alone"),
        (
            "order",
            "image: 3 images, order from position; 5 mm from slice to slice; none missing; the other evidence agrees "
            "(images counted from 0)",
        ),
        ("withheld", "the section 'impression'"),
        ("problem", "a gap\\nhere"),
        ("problem", "a header is odd"),
    ]


def test_gaps_and_doubles_of_the_order_are_told() -> None:
    assert order_words(Order("instance", gaps=(3, 9), duplicates=(2,), agrees=False)) == (
        "; missing after image 3, 9; at the place of the one before: image 2; the other evidence disagrees (images "
        "counted from 0)"
    )


def test_the_device_that_answers_is_the_observer() -> None:
    report = report_content(answer(), sources(), AUTHOR)
    (context,) = report.get_observer_contexts()
    device = context.observer_identifying_attributes
    assert (device.uid, device.name, device.model_name) == (AUTHOR.uid, "mmdx", "mine")
    assert device.serial_number == AUTHOR.digest
