"""Two answers side by side, and what changed between them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from handed_over import answer

from mmdx.demo.findings import Scored, changes, rows_of

BARE = answer(
    findings={"bleed": 0.25, "fracture": 0.5, "any": 0.6}, thresholds={"bleed": 0.3}, prevalence={"bleed": 0.2}
)
WHOLE = replace(BARE, shown="image+report", missing=(), findings={"bleed": 0.4, "fracture": 0.52, "any": 0.5})


def test_each_finding_has_both_scores_and_what_they_are_read_against() -> None:
    bleed, fracture, _ = rows_of(WHOLE, BARE)
    assert bleed.with_text == Scored(0.4, threshold=0.3, prevalence=0.2)
    assert bleed.without_text == Scored(0.25, threshold=0.3, prevalence=0.2)
    assert (bleed.change, bleed.crosses) == (pytest.approx(0.15), True)
    assert fracture.change == pytest.approx(0.02)
    assert not fracture.crosses


def test_what_passes_its_threshold_is_told_first() -> None:
    assert changes(rows_of(WHOLE, BARE), "report") == [
        "With the report, bleed rises from 0.25 to 0.40, now a yes: its threshold is 0.30 with, 0.30 without.",
        "With the report, any falls from 0.60 to 0.50.",
    ]
    assert changes(rows_of(BARE, BARE), "report") == [
        "The report changes no score by 0.05 or more, and no answer passes its threshold by it."
    ]


def test_one_answer_changes_nothing() -> None:
    rows = rows_of(None, BARE)
    assert [row.change for row in rows] == [None] * 3
    assert changes(rows, "report") == []


def test_where_slices_alone_are_scored_the_likeliest_stands_for_the_study() -> None:
    sliced = replace(
        BARE,
        findings={},
        slices={"bleed": (0.1, 0.7)},
        slice_numbers=(0, 4),
        members=2,
        slice_spread={"bleed": (0.0, 0.2)},
    )
    (row,) = rows_of(None, sliced)
    assert row.without_text == Scored(0.7, spread=0.2, threshold=0.3, prevalence=0.2, slice=5)
