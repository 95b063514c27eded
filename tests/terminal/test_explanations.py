"""Explanations in the terminal."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from mmdx.engine.inference.answers import Refused, Standing
from mmdx.engine.inference.explaining.source_slices import SlicePlace
from mmdx.engine.inference.explanation import ExplainedSlice, Explanation
from mmdx.errors import DataError
from mmdx.terminal.explanations import show_explanation, show_explanations
from mmdx.terminal.following import Following

GREY = np.zeros((2, 2))


def explained(*slices: tuple[SlicePlace, float], words: dict | None = None) -> Explanation:
    found = tuple(ExplainedSlice(place, score, GREY, GREY) for place, score in slices)
    return Explanation("s1", "ct", {"bleed": found}, None, words or {})


def cells(explanation: Explanation, width: int = 120) -> list[list[str]]:
    output = StringIO()
    show_explanation(explanation, Console(file=output, width=width))
    rows = [line for line in output.getvalue().splitlines() if "│" in line or "┃" in line]
    return [[cell.strip() for cell in row.replace("┃", "│").strip("│").split("│")] for row in rows]


def test_slices_are_named_by_number_file_instance_uid_and_mm() -> None:
    place = SlicePlace(7, 9, "a[b]\n.dcm", None, 12, "1.2.3.4", 13.125)
    assert cells(explained((place, 0.75), (SlicePlace(0, 9), 0.5))) == [
        ["finding", "likeliest slices (score)"],
        ["bleed", "8 (0.75), 1 (0.50)"],
        ["slice", "instance", "mm", "file", "SOPInstanceUID"],
        ["1", "", "", "", ""],
        ["8", "12", "13.1", "a[b]\\n.dcm", "1.2.3.4"],
    ]


def test_a_score_is_a_probability_only_where_it_is_calibrated() -> None:
    standing = Standing("slices", calibrated=True, thresholds={"bleed": 0.25}, prevalence={"other": 0.5})
    told = replace(explained((SlicePlace(0), 0.5)), standing=standing)
    assert cells(told) == [
        ["finding", "likeliest slices (probability)", "threshold", "prevalence"],
        ["bleed", "1 (0.50)", "0.25", "–"],
    ]
    output = StringIO()
    show_explanation(told, Console(file=output, width=80))
    assert "threshold: a probability at or above it is a yes (Youden's J on validation slices)" in " ".join(
        output.getvalue().split()
    )
    assert "not calibrated" not in output.getvalue()


def test_what_nothing_is_known_of_is_left_out() -> None:
    assert cells(explained((SlicePlace(0), 0.5)))[1:] == [["bleed", "1 (0.50)"]]


def test_in_80_columns_a_uid_is_folded_and_not_cut() -> None:
    uid = "1.2.840.113619.2.5.1762583153.215519.978957063.78"
    rows = cells(explained((SlicePlace(7, 9, "CT000001", None, 12, uid, 13.125), 0.75)), width=80)
    assert "".join(row[-1] for row in rows[3:]) == uid


def test_the_words_that_counted_most_and_where_all_is_saved() -> None:
    words = {"report": tuple(zip("abcdef", (0.1, 0.3, 0.2, 0.15, 0.05, 0.2), strict=True))}
    answers = [Refused("s2", "no images"), explained((SlicePlace(7), 0.75), words=words)]
    output, quiet = StringIO(), Following(Console(quiet=True))
    with pytest.raises(DataError, match="refused: s2: no images"):
        show_explanations(answers, Path("out"), Console(file=output, width=100), quiet)
    lines = output.getvalue().splitlines()
    assert lines[0] == "s1  (study-001)"
    assert lines[-3:] == [
        "report: b 0.30, c 0.20, f 0.20, d 0.15, a 0.10",
        "explained:  out/explain.html",
        "explained:  out/explain.json",
    ]


def test_nothing_is_said_to_be_explained_where_all_are_refused() -> None:
    output, quiet = StringIO(), Following(Console(quiet=True))
    with pytest.raises(DataError, match="refused: s2: no images"):
        show_explanations([Refused("s2", "no images")], Path("out"), Console(file=output, width=100), quiet)
    assert output.getvalue() == ""
