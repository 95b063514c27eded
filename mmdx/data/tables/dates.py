"""Dates become offsets, days since a patient's first study, and go no further than here; ages become years."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime

from mmdx.study import Study

DAY = "day"
_YEARS = {"Y": 1.0, "M": 1 / 12, "W": 7 / 365.25, "D": 1 / 365.25}
_FORMATS = ("%Y%m%d", "%Y-%m-%d", "%Y.%m.%d", "%Y/%m/%d")


def parse_date(text: str) -> date | None:
    """The day that `20200131` or `2020-01-31` names, also with dots or slashes; None for anything else."""
    for form in _FORMATS:
        try:
            return datetime.strptime(text.strip(), form).date()
        except ValueError:
            continue
    return None


def age_in_years(text: str) -> float | None:
    """The years of an age as DICOM writes it (`063Y`, `006M`, `004W`, `010D`); None for anything else."""
    number, unit = text[:-1], text[-1:]
    return round(int(number) * _YEARS[unit], 2) if number.isdecimal() and unit in _YEARS else None


def with_days(studies: Sequence[Study], dates: Mapping[str, date]) -> list[Study]:
    """The studies, those in `dates` (by `study_id`) with the trait `day`: whole days since the patient's first here."""
    first: dict[str, date] = {}
    for study in studies:
        if (day := dates.get(study.study_id)) is not None:
            first[study.patient_id] = min(day, first.get(study.patient_id, day))
    return [
        replace(study, traits={**study.traits, DAY: float((dates[study.study_id] - first[study.patient_id]).days)})
        if study.study_id in dates
        else study
        for study in studies
    ]
