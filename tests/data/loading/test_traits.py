"""Traits become rows: what a column is, and what of a study it reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cohorts import prepared, write_png, write_table

from mmdx.data.loading.traits import MOST_WORDS, Table, fit_table
from mmdx.data.store.store import Store
from mmdx.data.store.stored import StoredStudy
from mmdx.errors import DataError, UsageError
from mmdx.study import Column

AGE = Column("age", 50.0, 10.0)
SEX = Column("sex", words=("f", "m"), shares=(0.5, 0.5))


def store_of(root: Path, traits: list[dict[str, Any]]) -> Store:
    """A study each, in this order, with a black image and these traits."""
    rows = []
    for i, told in enumerate(traits):
        write_png(root / "raw" / f"{i:02d}.png", i)
        rows.append(
            {"study_id": f"s{i:02d}", "patient_id": f"p{i:02d}", "file_name": f"{i:02d}.png", "bleed": i % 2} | told
        )
    write_table(root / "raw", rows)
    return prepared(root / "raw", root / "store")


def test_numbers_and_categories_are_fitted_on_the_rows_alone(tmp_path):
    told = [{"age": 40, "sex": "F"}, {"age": 60, "sex": " m "}, {"age": 80, "sex": "f"}, {"age": 999, "sex": "x"}]
    table = fit_table(store_of(tmp_path, told), [0, 1, 2], ["age", "sex"], "data.tables.clinic")
    age, sex = table.columns
    assert (age.mean, age.words, age.gaps) == (60, (), False)
    assert age.sd == pytest.approx((800 / 3) ** 0.5)
    assert (sex.words, sex.gaps) == (("f", "m"), False)
    assert sex.shares == pytest.approx((2 / 3, 1 / 3))


def test_ages_in_text_are_numbers(tmp_path):
    told = [{"age": "063Y"}, {"age": "61"}, {"age": "006M"}, {"age": ""}]
    (age,) = fit_table(store_of(tmp_path, told), [0, 1], ["age"], "data.tables.clinic").columns
    assert (age.mean, age.sd) == (62, 1)
    table = Table((age,))
    assert table({"age": "006M"}).tolist() == [[0.5]]
    assert table({"age": 40.0}).tolist() == [[40]]


def test_a_constant_is_no_division_by_zero(tmp_path):
    (age,) = fit_table(store_of(tmp_path, [{"age": 5}] * 4), [0, 1], ["age"], "x").columns
    assert (age.mean, age.sd) == (5, 1)


def test_gaps_are_those_of_studies_that_have_another_column(tmp_path):
    told = [{"age": 40, "sex": "f"}, {"age": 50}, {}, {"age": 60, "sex": "m"}]
    age, sex = fit_table(store_of(tmp_path, told), [0, 1, 2, 3], ["age", "sex"], "x").columns
    assert (age.gaps, sex.gaps) == (False, True)


@pytest.mark.parametrize(
    ("traits", "row"),
    [
        ({"age": 63.0, "sex": "M"}, [[63, 1]]),
        ({"age": 63.0}, [[63, np.nan]]),
        ({"age": "sixty", "sex": "f"}, [[np.nan, 0]]),
        ({"age": 63.0, "sex": "x"}, [[63, np.nan]]),
        ({"age": float("nan"), "sex": " "}, np.empty((0, 2))),
        ({"sex": "x"}, np.empty((0, 2))),
        ({}, np.empty((0, 2))),
    ],
)
def test_what_is_lacking_is_nan_and_nothing_at_all_is_no_row(traits, row):
    found = Table((AGE, SEX))(traits)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, np.array(row, dtype=np.float32))


def test_what_a_study_lacks_is_named():
    table = Table((AGE, SEX))
    assert table.lacking({"age": 63.0, "sex": "m"}) == []
    assert table.lacking({"sex": "x"}) == ["age", "sex ('x' is not known)"]


def test_a_trait_that_no_study_has_is_refused_with_those_that_there_are(tmp_path):
    store = store_of(tmp_path, [{"age": 40, "sex": "f"}] * 4)
    with pytest.raises(UsageError) as caught:
        fit_table(store, [0], ["agge", "sex", "weight"], "data.tables.clinic")
    assert caught.value.problems == (
        "data.tables.clinic: no study has a trait 'agge'; did you mean 'age'? known: age, sex",
        "data.tables.clinic: no study has a trait 'weight'; known: age, sex",
    )


def test_a_trait_of_no_training_study_is_refused(tmp_path):
    store = store_of(tmp_path, [{"age": 40}, {"age": 41}, {"age": 42, "smoker": "yes"}, {"age": 43}])
    with pytest.raises(DataError, match=r"data\.tables\.clinic: no training study of .* has smoker; leave it out"):
        fit_table(store, [0, 1], ["age", "smoker"], "data.tables.clinic")


def test_numbers_with_words_among_them_are_refused_by_their_word(tmp_path):
    told = [{"age": 20 + i} for i in range(MOST_WORDS)] + [{"age": "adult"}]
    with pytest.raises(DataError) as caught:
        fit_table(store_of(tmp_path, told), list(range(MOST_WORDS + 1)), ["age"], "data.tables.clinic")
    assert caught.value.problems == (
        "data.tables.clinic: 'age' has 33 different values in training, 1 of them no numbers ('adult'); a category has "
        "up to 32: correct them in the source, or leave it out",
    )


def test_no_pixel_is_read(tmp_path, monkeypatch):
    store = store_of(tmp_path, [{"age": 40, "sex": "f"}, {"age": 50, "sex": "m"}, {}, {}])

    def refuse(*_: object) -> None:
        raise AssertionError("pixels were read")

    monkeypatch.setattr(StoredStudy, "pixels", refuse)
    assert len(fit_table(store, [0, 1], ["age", "sex"], "x").columns) == 2
