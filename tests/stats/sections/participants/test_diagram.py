"""The drawn flow: its words are the counts, no box runs over another."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from mmdx.stats.report.plots import picture, svg
from mmdx.stats.sections.participants.counts import Flow, Part
from mmdx.stats.sections.participants.diagram import flow_plot

PARTS = (
    Part("train", 80, 75, 1, 79, 30),
    Part("val", 20, 18, 0, 20, 7),
    Part("test", 30, 30, 0, 30, 11, {"report": 3}),
)


def flow(parts: tuple[Part, ...] = PARTS, reasons: Mapping[str, int] = {}, **changes: object) -> Flow:
    known = {"found": 140, "quarantined": 10, "stored": 130, "stored_patients": 123, "left_out": {}, "unscored": 0}
    known |= {"finding": "bleed", "folds": False, "of": "test", "second": False, "refitted": False}
    scored = Part("scored", 30, 30, 0, 30, 11, {"report": 3})
    return Flow(run="run", reasons=reasons, parts=parts, scored=scored, **(known | changes))  # pyright: ignore


def words(drawn: Flow) -> list[str]:
    (axes,) = picture(flow_plot(drawn)).axes
    return [text.get_text() for text in axes.texts if text.get_text()]


def test_every_count_is_in_the_picture_and_in_its_numbers():
    said = words(flow(reasons={"no image": 7, "no report": 3}))
    assert said[:6] == [
        "Found in the source",
        "140 studies",
        "Could not be stored: 10",
        "7: no image",
        "3: no report",
        "Stored",
    ]
    assert {"130 studies of 123 patients", "Training", "Test", "bleed: 30 of 79", "no known label: 1"} <= set(said)
    assert said.count("without report: 3") == 2  # among those of the split, and those that were scored
    numbers = flow_plot(flow(reasons={"no image": 10})).numbers
    assert numbers.loc[numbers["step"] == "could not be stored", "studies"].tolist() == [10, 10]
    assert numbers.loc[numbers["step"] == "split train", "patients"].dropna().tolist() == [75]


def test_more_reasons_than_there_is_room_for_are_summed():
    reasons = {f"reason {i}": 6 - i for i in range(6)}
    said = words(flow(reasons=reasons))
    assert "6: reason 0" in said
    assert "3: 2 other reasons" in said


def test_many_folds_are_one_box():
    several = tuple(Part(str(i), 13, 12) for i in range(10))
    said = words(flow(several, folds=True))
    assert {"10 folds of 13 to 13 studies", "Scored, each by a model that had not seen it"} <= set(said)
    assert "Fold 1" in words(flow(several[:2], folds=True))


def test_a_second_cohort_says_who_was_not_taken():
    said = words(flow((PARTS[2],), left_out={"their patients taught the run": 4}, second=True, stored=34, found=44))
    assert {"Not taken: 4", "4: their patients taught the run", "Second cohort"} <= set(said)


@pytest.mark.parametrize("count", [1, 3, 5])
def test_boxes_stay_apart_and_inside(count: int):
    parts = tuple(Part(str(i), 26, 24, 1, 25, 9, {"a modality of a long name": 2}) for i in range(count))
    plot = flow_plot(flow(parts, {"a reason that goes on and on: " * 4: 10}, folds=True, stored=26 * count))
    (axes,) = picture(plot).axes
    boxes = [patch.get_bbox() for patch in axes.patches if patch.get_label() == "box"]
    assert len(boxes) == 4 + count
    for place, box in enumerate(boxes):
        assert 0 <= box.x0 < box.x1 <= plot.size[0]
        assert 0 <= box.y0 < box.y1 <= plot.size[1]
        assert not any(box.overlaps(other) for other in boxes[:place])
    drawn = {text.get_text(): text for text in axes.texts if text.get_text()}
    renderer = axes.figure.canvas.get_renderer()  # pyright: ignore
    extents = [text.get_window_extent(renderer).transformed(axes.transData.inverted()) for text in drawn.values()]
    held = [
        any(box.x0 <= e.x0 and e.x1 <= box.x1 and box.y0 <= e.y0 and e.y1 <= box.y1 for box in boxes) for e in extents
    ]
    assert [text for text, inside in zip(drawn, held, strict=True) if not inside] == []


def test_a_page_can_hold_it():
    assert "var(--text)" in svg(flow_plot(flow()))
