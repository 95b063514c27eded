"""Groups of patients by a fact of their studies."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mmdx.stats.sections.subgroups.patient_groups import group_by


def sizes(values, patients=None) -> dict[str, int]:
    patients = np.arange(len(values)) if patients is None else patients
    return {name: int(rows.sum()) for name, rows in group_by("trait", pd.Series(values), patients).groups.items()}


def test_numbers_fall_into_quarters_that_say_their_bounds():
    assert sizes([float(age) for age in range(41, 81)]) == {
        "41 to 50": 10,
        "51 to 60": 10,
        "61 to 70": 10,
        "71 to 80": 10,
    }


def test_numbers_read_as_text_are_numbers():
    assert sizes([str(age) for age in range(20)]) == {"0 to 9": 10, "10 to 19": 10}


def test_few_distinct_numbers_are_groups_of_their_own():
    assert sizes([1, 2, 3] * 10) == {"1": 10, "2": 10, "3": 10}


def test_words_by_value_and_absent_by_itself():
    values = ["m"] * 12 + ["f"] * 11 + [None] * 9 + [" "]
    assert sizes(values) == {"f": 11, "m": 12, "absent": 10}


def test_small_groups_are_joined_and_named():
    found = group_by("site", pd.Series(["a"] * 10 + ["b"] * 6 + ["c"] * 5), np.arange(21))
    assert {name: int(rows.sum()) for name, rows in found.groups.items()} == {"a": 10, "other": 11}
    assert found.notes == ("b and c joined to 'other'",)


def test_too_few_even_together_are_left_out_and_counted():
    found = group_by("site", pd.Series(["a"] * 10 + ["b"] * 3 + [None] * 2), np.arange(15))
    assert list(found.groups) == ["a"]
    assert found.notes == ("b left out (3 patients)", "2 patients without it left out")


def test_patients_count_and_not_rows():
    assert sizes(["a"] * 30 + ["b"] * 30, np.repeat(np.arange(6), 10)) == {}


def test_many_words_keep_the_largest_groups():
    found = sizes([word for word in "abcdefghij" for _ in range(10 + ord(word) - ord("a"))])
    assert list(found) == [*"defghij", "other"]


def test_nothing_known_gives_one_group():
    assert sizes([None] * 12) == {"absent": 12}
    assert sizes([np.nan, np.inf] * 6) == {"absent": 12}
