"""Boxes as regions of the images of a file, in its own pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from handed_over import AUTHOR, SERIES, answer, instance, sources
from highdicom.sr import PlanarROIMeasurementsAndQualitativeEvaluations
from numpy.testing import assert_array_equal
from pydicom.sr.codedict import codes

from mmdx.engine.inference.handover.boxes import rectangle
from mmdx.engine.inference.handover.coding import finding
from mmdx.engine.inference.handover.content import report_content
from mmdx.engine.inference.handover.sources import Sources

BOX = {"finding": "bleed", "slice": 1, "x0": 2.5, "y0": 3.0, "x1": 8.0, "y1": 12.25, "score": 0.75}
SIDES = {"width_mm": 11.0, "height_mm": 4.625}


def groups(*boxes: dict[str, Any], of: Sources | None = None) -> list[PlanarROIMeasurementsAndQualitativeEvaluations]:
    lesions = ({"finding": "bleed", "score": 0.75, "first": 1, "last": 2, "boxes": list(range(len(boxes)))},)
    report = report_content(answer(boxes=boxes, lesions=lesions), of or sources(), AUTHOR)
    return report.get_planar_roi_measurement_groups()


def test_a_box_is_a_closed_line_on_its_own_image() -> None:
    (group,) = groups(BOX | SIDES)
    assert group.roi.graphic_type.value == "POLYLINE"
    assert_array_equal(group.roi.value, [(2.5, 3), (8, 3), (8, 12.25), (2.5, 12.25), (2.5, 3)])
    (image,) = group.roi.ContentSequence
    assert image.referenced_sop_instance_uid == f"{SERIES}.1"
    assert image.referenced_frame_numbers is None
    assert group.finding_type == finding("bleed")
    values = {one.name.value: (one.value, one.unit) for one in group.get_measurements()}
    assert values == {
        "box-score": (0.75, codes.UCUM.NoUnits),
        "box-width": (11.0, codes.UCUM.Millimeter),
        "box-height": (4.625, codes.UCUM.Millimeter),
    }


@pytest.mark.parametrize("spacing", [{"PixelSpacing": None}, {"PixelSpacing": None, "ImagerPixelSpacing": [0.5, 2]}])
def test_sides_stand_in_mm_only_where_the_file_knows_them_in_the_patient(spacing: dict[str, Any]) -> None:
    (group,) = groups(BOX | SIDES, of=sources(*(instance(number, **spacing) for number in range(3))))
    assert [one.name.value for one in group.get_measurements()] == ["box-score"]


def test_a_frame_is_named_in_a_file_of_several() -> None:
    several = instance(5, NumberOfFrames=3)
    (group,) = groups(BOX, of=sources(type(several)(several.header, (0, 2))))
    (image,) = group.roi.ContentSequence
    assert (image.referenced_sop_instance_uid, image.referenced_frame_numbers) == (f"{SERIES}.5", [3])


def test_the_boxes_of_one_lesion_are_tracked_as_one() -> None:
    one, other = groups(BOX, BOX | {"slice": 2})
    assert one.tracking_uid == other.tracking_uid
    assert one.tracking_identifier == "bleed, lesion 1 of 1"
    assert [group.roi.ContentSequence[0].referenced_sop_instance_uid for group in (one, other)] == [
        f"{SERIES}.1",
        f"{SERIES}.2",
    ]


def test_nothing_lies_outside_of_the_image() -> None:
    line = rectangle(BOX | {"x0": -1e-6, "x1": 12.00001}, columns=12, rows=16)
    assert_array_equal(np.ptp(line, axis=0), [12, 9.25])
