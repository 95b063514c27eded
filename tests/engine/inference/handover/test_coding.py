"""Codes are short enough for DICOM, and tell findings apart."""

from __future__ import annotations

import pytest

from mmdx.engine.inference.handover.coding import FINDINGS, MEASURES, finding, label, measure, schemes


@pytest.mark.parametrize(
    "name", ["bleed", "any hemorrhage of the head", "a\\b", "Blutung ä", " spaced", "x" * 100, "line\nbreak", "\\"]
)
def test_a_finding_has_a_code_and_a_meaning_that_fit(name: str) -> None:
    code = finding(name)
    assert 0 < len(code.CodeValue) <= 16
    assert code.CodeValue.isascii()
    assert 0 < len(code.CodeMeaning) <= 64
    assert not {"\\", "\n"} & {*code.CodeValue, *code.CodeMeaning}
    assert (code.CodeValue == name) == (name == "bleed")
    assert code.CodingSchemeDesignator == FINDINGS


def test_long_names_that_begin_alike_are_told_apart() -> None:
    one, other = finding("x" * 100), finding("x" * 99)
    assert one.CodeMeaning == other.CodeMeaning
    assert one != other


def test_a_finding_is_no_measure_whatever_it_is_called() -> None:
    assert finding("score") != measure("score")
    assert [scheme.CodingSchemeDesignator for scheme in schemes()] == [MEASURES, FINDINGS]


def test_a_label_holds_what_fits() -> None:
    assert label(" runs\\mine ") == "runs/mine"
    assert len(label("x" * 70)) == 64
