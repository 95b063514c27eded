"""Dates come in as days since a patient's first study, and do not come out."""

from __future__ import annotations

from datetime import date

import pytest

from mmdx.data.tables.dates import age_in_years, parse_date, with_days
from mmdx.study import Study


@pytest.mark.parametrize("text", ["20200131", "2020-01-31", " 2020.01.31 ", "2020/01/31"])
def test_days_as_people_and_dicom_write_them(text: str) -> None:
    assert parse_date(text) == date(2020, 1, 31)


@pytest.mark.parametrize("text", ["", "2020", "31.01.2020", "20201301", "soon"])
def test_anything_else_is_no_day(text: str) -> None:
    assert parse_date(text) is None


@pytest.mark.parametrize(
    ("text", "years"),
    [("063Y", 63), ("006M", 0.5), ("052W", 1.0), ("10D", 0.03), ("63", None), ("Y", None), ("", None), ("-3Y", None)],
)
def test_ages_as_dicom_writes_them(text: str, years: float | None) -> None:
    assert age_in_years(text) == years


def test_days_count_from_the_first_study_of_each_patient() -> None:
    studies = [Study(name, patient, {}, traits={"age": 4.0}) for name, patient in ("ap", "bp", "cq", "dp")]
    dates = {"a": date(2020, 2, 1), "b": date(2019, 12, 31), "c": date(1999, 1, 1)}
    assert [dict(study.traits) for study in with_days(studies, dates)] == [
        {"age": 4.0, "day": 32.0},
        {"age": 4.0, "day": 0.0},
        {"age": 4.0, "day": 0.0},
        {"age": 4.0},
    ]
