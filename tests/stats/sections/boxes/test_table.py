"""The metrics of boxes as a table and as plain values."""

from mmdx.stats.resampling.intervals import Estimate
from mmdx.stats.sections.boxes.table import SHOWN, boxes_json, boxes_sheet

METRICS = {"image": {"mean": {name: Estimate(0.5, 0.4, 0.6, 100) for name in SHOWN}}, "report": {}}


def test_showings_are_columns_and_one_without_boxes_is_none():
    sheet = boxes_sheet(METRICS)
    assert sheet.header == ("mean over findings", "image")
    assert sheet.rows[0] == ("AP at IoU 0.5", "0.500 [0.400, 0.600]")


def test_a_value_that_is_not_defined_is_null_and_a_reason_stands_where_there_is_one():
    undefined = {"image": {"mean": {"ap": Estimate(float("nan"), None, None, 0, "too few")}}}
    assert boxes_json(undefined) == {
        "image": {"mean": {"ap": {"value": None, "low": None, "high": None, "refused": "too few"}}}
    }
    assert "refused" not in boxes_json(METRICS)["image"]["mean"]["ap50"]
