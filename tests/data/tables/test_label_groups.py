from __future__ import annotations

import math

import pytest

from mmdx.data.tables.label_groups import group_problems, one_of
from mmdx.errors import DataError
from mmdx.study import UNKNOWN, groups_of

GROUPS = {"D": ("D/a", "D/b", "D/c")}


def labels(a: float, b: float, c: float) -> dict[str, float]:
    return {"D/a": float(a), "D/b": float(b), "D/c": float(c)}


def test_groups_are_named_before_the_first_slash():
    findings = ("any", "D/a", "E/x/y", "D/b", "E/z", "D/a")
    assert groups_of(findings) == {"D": ("D/a", "D/b"), "E": ("E/x/y", "E/z")}


@pytest.mark.parametrize("findings", [(), ("any", "fracture"), ("yes/no",), ("/a", "/b"), ("a/", "a/ ")])
def test_what_is_no_group(findings):
    assert groups_of(findings) == {}


@pytest.mark.parametrize(
    "lawful",
    [(1, 0, 0), (0, 0, 1), (UNKNOWN, UNKNOWN, UNKNOWN), (0, UNKNOWN, UNKNOWN), (0, 0, UNKNOWN)],
)
def test_lawful_labels(lawful):
    assert group_problems(labels(*lawful), GROUPS) == []


@pytest.mark.parametrize(
    ("contradiction", "problem"),
    [
        ((1, 0, 1), "'D/a' and 'D/c' are all 1, but of the group 'D' one alone may be"),
        ((1, 1, UNKNOWN), "'D/a' and 'D/b' are all 1"),
        ((0, 1, UNKNOWN), "'D/b' is 1 and 'D/c' unknown; in its group all others are 0"),
        ((0, 0, 0), "all of the group 'D' ('D/a' and 'D/b' and 'D/c') are 0; one must be 1"),
    ],
)
def test_contradictions(contradiction, problem):
    (found,) = group_problems(labels(*contradiction), GROUPS)
    assert problem in found


def test_a_class_without_a_label_is_unknown():
    assert group_problems({"D/a": 0.0, "D/b": 0.0}, GROUPS) == []
    assert len(group_problems({"D/a": 1.0, "D/b": 0.0}, GROUPS)) == 1


def test_one_of_a_word():
    classes = {"MEL": ("melanoma", "melanoma (in situ)"), "NEV": ("nevus",)}
    assert one_of("D", classes, " Melanoma  (in situ)", "x") == {"D/MEL": 1.0, "D/NEV": 0.0}
    assert one_of("D", classes, "nevus", "x") == {"D/MEL": 0.0, "D/NEV": 1.0}
    assert one_of("CLASS", ("G", "A", "O"), "a", "x") == {"CLASS/G": 0.0, "CLASS/A": 1.0, "CLASS/O": 0.0}


def test_one_of_nothing_is_unknown():
    found = one_of("D", ("a", "b"), "  ", "x")
    assert list(found) == ["D/a", "D/b"]
    assert all(math.isnan(value) for value in found.values())


def test_one_of_a_strange_word_is_refused():
    with pytest.raises(DataError) as error:
        one_of("D", {"MEL": ("melanoma",), "NEV": ("nevus",)}, "melanom", "t.csv, row 3, column 'd'")
    assert error.value.problems == (
        "t.csv, row 3, column 'd': 'melanom' is none of the classes of D; "
        "did you mean 'melanoma'? known: melanoma, nevus",
    )
