"""Reports under two names."""

from __future__ import annotations

from audited import store_facts

from mmdx.data.audit.reports import check_reports

TALE = (
    "A 61 year old fisherman fell from the pier on a cold morning, struck his left temple on a bollard, swam ashore by "
    "himself, walked home, had a lucid hour, and was then found asleep at the table by his sister, who called us."
)
OTHER = (
    "Seen for a second opinion after a year of slowly worsening gait, two falls in the garden, and a "
    "memory that his wife calls worse; takes aspirin, drinks a glass of wine a day, and has never smoked."
)


def found(reports: list[str | None], splits: list[str]) -> list[tuple[str, str, int]]:
    given = store_facts(labels={"x": [0.0] * len(reports)}, reports=reports, splits=splits)
    return [(one.kind, one.severity, len(one.rows)) for one in check_reports(given)]


def test_the_same_long_report_across_splits_is_a_warning() -> None:
    again = TALE.upper().replace(",", " ,")
    assert found([TALE, OTHER, again], ["train", "val", "test"]) == [("identical reports", "warning", 2)]
    assert found([TALE, OTHER, again], ["train", "val", "train"]) == [("identical reports", "note", 2)]


def test_nearly_the_same_long_report() -> None:
    again = TALE.replace("61", "62").replace("cold", "wet")
    assert found([TALE, OTHER, again], ["train", "val", "test"]) == [("near-identical reports", "warning", 2)]


def test_short_reports_repeat_by_themselves() -> None:
    assert found(["Normal CT.", None, "Normal CT"], ["train", "val", "test"]) == [("short reports", "note", 2)]


def test_different_reports_are_left_alone() -> None:
    assert found([TALE, OTHER, None], ["train", "val", "test"]) == []


def test_two_reports_of_one_patient_are_no_finding() -> None:
    given = store_facts(labels={"x": [0.0, 0.0]}, reports=[TALE, TALE], patients=["a", "a"], splits=["train", "train"])
    assert check_reports(given) == []
