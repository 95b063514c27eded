from __future__ import annotations

from mmdx.data.tables.label_lines import label_lines, without_finding
from mmdx.study import UNKNOWN, Study


def study(name: str, labels: dict[str, float], **traits: str) -> Study:
    return Study(name, name, {"report": "Seen."}, labels, traits=traits)


def test_findings_are_counted_and_a_plain_yes_or_no_beside_them_is_named():
    studies = [study("a", {"x": 1.0}, icu="yes", dose="hi"), study("b", {"x": UNKNOWN}, icu="no", dose="lo")]
    assert label_lines(studies) == [
        "findings: x (1: 1, 0: 0, empty: 1)",
        "a trait that looks like a label, 'icu' (yes 1, no 1): 'labels={icu: {yes: 1, no: 0}}'",
    ]


def test_without_a_finding_all_that_looks_like_one_is_named():
    studies = [study(name, {}, kind=kind) for name, kind in zip("abcd", ["A", "B"] * 2, strict=True)]
    assert label_lines(studies) == [
        "no finding: nothing to learn or score",
        "a trait that looks like a label, 'kind' (A 2, B 2): 'labels={kind: {A: 1 or 0, B: 1 or 0}}'",
    ]


def test_what_stands_in_the_place_of_labels():
    assert without_finding([{"icu": "yes"}, {"icu": "no"}]).endswith("'labels={icu: {yes: 1, no: 0}}'")
    assert without_finding([{"age": 3.0}]).startswith("its columns are traits (age), none like a label")
    assert without_finding([{}]).startswith("a label is a column of 1, 0 or empty")
