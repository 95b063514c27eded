"""What has the form of an identifier is found; what only resembles one is not."""

from __future__ import annotations

import pytest

from mmdx.data.privacy.identifiers import blotted, count, scan
from mmdx.data.readers.phantom import read


def found(text: str) -> list[tuple[str, str]]:
    return [(kind, text[start:end]) for kind, start, end in scan(text)]


@pytest.mark.parametrize(
    ("text", "kind", "what"),
    [
        ("seen by Dr. Jane Doe today", "name", "Dr. Jane Doe"),
        ("Mr Smith fell", "name", "Mr Smith"),
        ("Patient: Doe, Jane", "name", "Patient: Doe, Jane"),
        ("Doe^Jane^A", "name", "Doe^Jane^A"),
        ("Jane Q. Doe, MD", "name", "Jane Q. Doe, MD"),
        ("Reported by Prof. Dr. Müller", "name", "Reported by Prof. Dr. Müller"),
        ("on 2020-01-31,", "date", "2020-01-31"),
        ("20200131", "date", "20200131"),
        ("on 2/6/2020.", "date", "2/6/2020"),
        ("am 31.01.20 erneut", "date", "31.01.20"),
        ("27 January 2020 (day 7)", "date", "27 January 2020"),
        ("31. Januar 2020", "date", "31. Januar 2020"),
        ("le 3 février 2021", "date", "3 février 2021"),
        ("Jan 31st, 2020", "date", "Jan 31st, 2020"),
        ("early March 2020,", "date", "March 2020"),
        ("on May 5 he", "date", "May 5"),
        ("MRN: 00123456", "record number", "MRN: 00123456"),
        ("accession number A12345", "record number", "accession number A12345"),
        ("123-45-6789", "record number", "123-45-6789"),
        ("Tel. 020 7946 0958", "telephone number", "Tel. 020 7946 0958"),
        ("call +44 20 7946 0958", "telephone number", "+44 20 7946 0958"),
        ("(555) 123-4567", "telephone number", "(555) 123-4567"),
        ("to a.b@c.de", "e-mail address", "a.b@c.de"),
    ],
)
def test_identifiers_are_found(text: str, kind: str, what: str) -> None:
    assert found(text) == [(kind, what)]


@pytest.mark.parametrize(
    "text",
    [
        "MR angiography of a patient with MS",
        "Patient: Male, 45",
        "patient: 45-year-old man",
        "strength 3/5, disc L4/5, C3/4",
        "2020-13-01 and 99/99/2020",
        "SARS-CoV-2, 2019-nCoV, H1N1 of 2009",
        "haloperidol, may 5 mg",
        "1.2.840.10008.5.1.4",
        "HR 120/80, 37.5 C, case 3",
        "a 10 mm lesion in the left frontal lobe",
    ],
)
def test_what_only_resembles_one_is_not(text: str) -> None:
    assert found(text) == []


def test_texts_are_counted_by_kind() -> None:
    kinds, holding, total = count(["Dr. Doe on 2/6/2020 and 3/6/2020.", "Fell.", "Mrs Roe"])
    assert (dict(kinds), holding, total) == ({"date": 2, "name": 2}, 2, 3)


def test_blotting_leaves_long_numbers() -> None:
    assert blotted("Dr. Doe, 2020-01-31: 12345678 bytes") == "[name], [date]: 12345678 bytes"


def test_the_reports_of_the_phantom_hold_none(tmp_path) -> None:
    studies = read(tmp_path / "cohort", patients=8, matrix=64)
    reports = [study.modalities["report"] for study in studies if "report" in study.modalities]
    assert len(reports) >= 8
    assert count(str(report) for report in reports)[1] == 0
