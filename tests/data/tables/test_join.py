"""Rows find their studies, or say that they do not."""

import math

import pytest

from mmdx.data.tables.join import columns_joined, join
from mmdx.data.tables.tables import read_table
from mmdx.errors import DataError
from mmdx.study import Study

STUDIES = [Study("1.2.3", "p1", {}), Study("1.2.4", "p2", {})]
KEYS = {"study_id": {"1.2.3": "1.2.3", "1.2.4": "1.2.4"}, "accession_number": {"1.2.3": "A7", "1.2.4": ""}}


def joined(tmp_path, text, **options):
    (tmp_path / "t.csv").write_text(text)
    return join(STUDIES, read_table(tmp_path / "t.csv"), keys=KEYS, **options)


def test_a_row_gives_labels_report_patient_and_split(tmp_path):
    text = "study_id,report,patient_id,split,bleed,fracture,age,empty\n1.2.3,Fall.,q9,test,1,,44,\n1.2.4,,,,0,1,3,\n"
    (first, second), orphans = joined(tmp_path, text)
    assert (first.modalities, first.patient_id, first.split) == ({"report": "Fall."}, "q9", "test")
    assert first.labels["bleed"] == 1
    assert math.isnan(first.labels["fracture"])
    assert (second.modalities, second.patient_id, second.split) == ({}, "p2", None)
    assert second.labels == {"bleed": 0, "fracture": 1}
    assert orphans == []


def test_accession_numbers_find_studies_and_do_not_name_them(tmp_path):
    (first, second), orphans = joined(tmp_path, "accession_number,bleed\nA7,1\nB1,0\n")
    assert (first.study_id, first.labels) == ("1.2.3", {"bleed": 1})
    assert math.isnan(second.labels["bleed"])
    assert second.problems == ("no row in t.csv; its labels are unknown",)
    assert [(o.study_id, len(o.problems), o.modalities) for o in orphans] == [("t.csv, row 3", 1, {})]


def test_findings_named_are_read_strictly(tmp_path):
    (first, _), _ = joined(tmp_path, "study_id,a,b\n1.2.3,1,0\n", findings=("b",))
    assert first.labels == {"b": 0}
    with pytest.raises(DataError, match=r"row 2, column 'a': label is '2'"):
        joined(tmp_path, "study_id,a\n1.2.3,2\n", findings=("a",))
    with pytest.raises(DataError, match="no column 'c'"):
        joined(tmp_path, "study_id,a\n1.2.3,1\n", findings=("c",))


def test_words_become_labels_and_plain_ones_that_are_ignored_are_named(tmp_path, caplog):
    text = "study_id,icu,kind\n1.2.3,yes,A\n1.2.9,no,B\n"
    (first, second), _ = joined(tmp_path, text, words={"icu": {"yes": 1, "no": 0}, "kind": "classes"})
    assert first.labels == {"icu": 1, "kind/A": 1, "kind/B": 0}
    assert list(second.labels) == ["icu", "kind/A", "kind/B"]
    assert all(map(math.isnan, second.labels.values()))
    assert not caplog.records
    joined(tmp_path, text)
    assert "column 'icu' is ignored; a label? 'labels={icu: {yes: 1, no: 0}}'" in caplog.text
    uses = columns_joined(read_table(tmp_path / "t.csv"), keys=KEYS)
    assert [(use.column, use.role) for use in uses] == [("study_id", "study"), ("icu", "ignored"), ("kind", "ignored")]


def test_columns_of_labels_are_found_by_the_rule_of_all_readers(tmp_path):
    (first, _), _ = joined(tmp_path, "study_id,a,age\n1.2.3,1,44\n1.2.4,,60\n")
    assert first.labels == {"a": 1}
    with pytest.raises(DataError, match=r"row 3, column 'a': label is '-1', the mark of an uncertain one"):
        joined(tmp_path, "study_id,a\n1.2.3,1\n1.2.4,-1\n")


def test_a_report_column_by_another_name(tmp_path):
    (first, _), _ = joined(tmp_path, "study_id,text,a\n1.2.3,1,0\n", report="text")
    assert (first.modalities, first.labels) == ({"report": "1"}, {"a": 0})
    with pytest.raises(DataError, match="no column 'text'"):
        joined(tmp_path, "study_id,a\n1.2.3,1\n", report="text")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("id,a\n1,1\n", "no column 'study_id' or 'accession_number'"),
        ("study_id,a\n1.2.3,1\n1.2.3,0\n", r"row 3, column 'study_id': stands in row 2 too"),
        ("study_id,a\n,1\n", "is empty"),
        ("study_id,split\n1.2.3,training\n", "'training'; use train, val, test"),
    ],
)
def test_refusals(tmp_path, text, reason):
    with pytest.raises(DataError, match=reason):
        joined(tmp_path, text)


def test_one_row_for_two_studies_is_refused(tmp_path):
    (tmp_path / "t.csv").write_text("accession_number,a\nA7,1\n")
    keys = {"accession_number": {"1.2.3": "A7", "1.2.4": "A7"}}
    with pytest.raises(DataError, match="fits more than one study"):
        join(STUDIES, read_table(tmp_path / "t.csv"), keys=keys)
