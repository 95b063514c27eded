from __future__ import annotations

import math

import pytest

from mmdx.data.readers._rsna import FINDINGS, label_rows, read_labels, unlabelled
from mmdx.errors import DataError


def table(tmp_path, *rows, header="ID,Label"):
    path = tmp_path / "stage_2_train.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def image(name, *labels):
    return [f"{name}_{finding},{label}" for finding, label in zip(FINDINGS, labels, strict=True)]


def test_six_rows_are_one_image(tmp_path):
    found = read_labels(table(tmp_path, *image("ID_b", 0, 0, 1, 0, 0, 1), *image("ID_a", 0, 0, 0, 0, 0, 0)))
    assert found.labels == {"ID_b": [0, 0, 1, 0, 0, 1], "ID_a": [0] * 6}
    assert (found.repeated, found.contradicting) == (0, {})


def test_equal_rows_count_once_and_are_counted(tmp_path):
    found = read_labels(table(tmp_path, *image("ID_a", 0, 0, 1, 0, 0, 1), *image("ID_a", 0, 0, 1, 0, 0, 1)))
    assert found.labels == {"ID_a": [0, 0, 1, 0, 0, 1]}
    assert (found.repeated, found.contradicting) == (6, {})


@pytest.mark.parametrize("labels", [("0", "1"), ("1", "0", "1"), ("1", "")])
def test_rows_that_contradict_each_other_leave_the_label_unknown(tmp_path, labels):
    found = read_labels(table(tmp_path, *(f"ID_a_any,{label}" for label in labels), "ID_a_subdural,1"))
    assert math.isnan(found.labels["ID_a"][FINDINGS.index("any")])
    assert found.labels["ID_a"][FINDINGS.index("subdural")] == 1
    assert found.contradicting == {"ID_a": ("any",)}


def test_rows_that_are_not_there_and_empty_ones_are_unknown(tmp_path):
    found = read_labels(table(tmp_path, "ID_a_any,1", "ID_a_epidural,", "ID_a_epidural,"))
    assert found.labels["ID_a"][5] == 1
    assert all(map(math.isnan, found.labels["ID_a"][:5]))
    assert (found.repeated, found.contradicting) == (1, {})


def test_a_sample_submission_has_images_and_no_labels(tmp_path):
    found = unlabelled(table(tmp_path, *image("ID_a", *[0.5] * 6)))
    assert list(found.labels) == ["ID_a"]
    assert all(map(math.isnan, found.labels["ID_a"]))


def test_rows_stand_as_they_stand(tmp_path):
    rows = list(label_rows(table(tmp_path, "ID_a_any,0.5", "", "ID_b_subdural,1")))
    assert [(row.number, row.image, row.finding, row.label) for row in rows] == [
        (2, "ID_a", 5, "0.5"),
        (4, "ID_b", 4, "1"),
    ]


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        (["ID_a_any,1", "ID_a_bleed,1"], "row 3: 'ID_a_bleed,1' is not ID_<hex>_<finding>,label"),
        (["ID_a_any"], "row 2: 'ID_a_any' is not ID_<hex>_<finding>,label"),
        (["ID_a_any,0.5"], "row 2, column 'Label': label is '0.5'"),
        ([], "has no rows"),
    ],
)
def test_a_bad_row_is_named(tmp_path, rows, problem):
    with pytest.raises(DataError) as error:
        read_labels(table(tmp_path, *rows))
    assert problem in str(error.value)


def test_a_table_that_is_none(tmp_path):
    with pytest.raises(DataError, match="no such table"):
        read_labels(tmp_path / "none.csv")
    with pytest.raises(DataError, match="its first row is not ID,Label"):
        read_labels(table(tmp_path, "ID_a_any,1", header="id,target"))
    (tmp_path / "bytes.csv").write_bytes(b"ID,Label\nID_a_any,\xff\n")
    with pytest.raises(DataError, match="cannot be read after row"):
        read_labels(tmp_path / "bytes.csv")
