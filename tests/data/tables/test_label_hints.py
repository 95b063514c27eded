from __future__ import annotations

import pytest

from mmdx.data.tables.label_hints import hinted_traits, label_hint, shares


@pytest.mark.parametrize(
    ("column", "cells", "option"),
    [
        ("icu", ["yes", "No", "YES", ""], "labels={icu: {yes: 1, No: 0}}"),
        ("pcr", ["positive", "negative", "unknown"], "labels={pcr: {positive: 1, negative: 0, unknown: null}}"),
        ("covid", ["Ja", "Nein"] * 2, "labels={covid: {Ja: 1 or 0, Nein: 1 or 0}}"),
        ("mass", ["1", "2", "1", "2"], "labels={mass: {1: 1 or 0, 2: 1 or 0}}"),
        ("diagnosis", ["a", "b", "c"] * 2, "labels={diagnosis: classes}"),
        ("grade", ["1", "2", "3"] * 2, "labels={grade: classes}"),
        ("ct: done", ["y", "n"], 'labels={"ct: done": {y: 1, n: 0}}'),
    ],
)
def test_what_looks_like_a_label(column, cells, option):
    assert label_hint(column, cells) == option


@pytest.mark.parametrize(
    ("column", "cells"),
    [
        ("sex", ["F", "M"] * 3),
        ("patientSex", ["F", "M"] * 3),
        ("age", ["61", "62", "63"] * 2),
        ("children", ["1", "2", "3"] * 2),
        ("name", ["Ann", "Bea", "Cid"]),
        ("note", ["x", "x"]),
        ("empty", ["", ""]),
    ],
)
def test_what_does_not(column, cells):
    assert label_hint(column, cells) is None


def test_shares_and_traits_of_studies():
    assert shares(["b", "B", "a", "", "c", "d", "e", "e", "e"]) == "e 3, b 2, a 1, c 1 and 1 more"
    traits = [{"icu": "yes", "age": 61.0}, {"icu": "no", "age": 44.0}, {}]
    assert hinted_traits(traits) == {"icu": "'icu' (yes 1, no 1): 'labels={icu: {yes: 1, no: 0}}'"}
