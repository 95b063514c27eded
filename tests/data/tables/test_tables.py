from __future__ import annotations

import json

import pytest

from mmdx.data.tables.labels import parse_label
from mmdx.data.tables.tables import read_table, write_table
from mmdx.errors import DataError


def test_csv_cells_are_text_under_folded_names(tmp_path):
    path = tmp_path / "m.csv"
    path.write_bytes('\ufeffstudy_id,"Age\n(years)",note\r\n01,5.5,"fell, twice"\r\n\r\n02,,\r\n'.encode())
    table = read_table(path)
    assert table.columns == ("study_id", "Age (years)", "note")
    first, second = table.rows
    assert (first.text("study_id"), first.fact("Age (years)"), first.text("note")) == ("01", 5.5, "fell, twice")
    assert (second.text("note"), second.fact("Age (years)"), second.text("elsewhere")) == ("", None, "")
    assert first.at("note") == f"{path}, row 2, column 'note'"


def test_json_lines_keep_their_values(tmp_path):
    path = tmp_path / "m.jsonl"
    path.write_text('{"study_id": 7, "any": 1}\n\n{"study_id": "8", "report": "a\\u2028b", "files": ["x"]}\n', "utf-8")
    table = read_table(path)
    assert table.columns == ("study_id", "any", "report", "files")
    assert table.rows[0].text("study_id") == "7"
    assert table.rows[1].cells == {"study_id": "8", "report": "a\u2028b", "files": ["x"]}
    assert table.rows[1].where.endswith("row 3")
    with pytest.raises(DataError, match="row 3, column 'files': expected text"):
        table.rows[1].text("files")


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("m.csv", b"", "m.csv: is empty; the first row names the columns"),
        ("m.csv", b"a,b\n", "m.csv: has no rows; add one per study"),
        ("m.csv", b"a,b\n1,\xe9\n", "m.csv: not UTF-8 at byte 6; save the table as UTF-8"),
        ("m.csv", b"a;b\n1;2\n", "m.csv: the header has no comma; save the table with commas"),
        ("m.csv", b"a,a\n1,2\n", "m.csv: column 'a' stands twice in the header; rename one"),
        ("m.csv", b"a,b\n1,2\n1,2,3\n", "m.csv, row 3: 3 cells under 2 columns; quote cells that hold commas"),
        ("m.csv", b"a,b\n1\n", "m.csv, row 2: 1 cells under 2 columns"),
        ("m.csv", b'a,b\n1,"2\n', "m.csv, row 2: not CSV: unexpected end of data"),
        ("m.csv", b"studyid,b\n1,2\n", "m.csv: no column 'study_id'; did you mean 'studyid'?"),
        ("m.jsonl", b'{"a": 1}\n{"a": \n', "m.jsonl, row 2: not JSON at character 7"),
        ("m.jsonl", b"[1]\n", "m.jsonl, row 1: expected an object"),
        ("m.jsonl", b'{"a": 1, "a": 0}\n', "m.jsonl, row 1, column 'a': stands twice in the object; keep one"),
        ("m.jsonl", b"[" * 100_000, "m.jsonl, row 1: nested too deep"),
    ],
)
def test_a_bad_table_is_refused_in_one_line(tmp_path, name, content, line):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError) as error:
        read_table(tmp_path / name, required=["study_id"])
    assert str(error.value).startswith(f"{tmp_path}/{line}")
    assert "\n" not in str(error.value)


def test_all_missing_columns_are_named(tmp_path):
    (tmp_path / "m.csv").write_text("a\n1\n")
    with pytest.raises(DataError) as error:
        read_table(tmp_path / "m.csv", required=["b", "a", "c"])
    assert len(error.value.problems) == 2


def test_a_missing_table_is_told(tmp_path):
    with pytest.raises(DataError, match="no such table"):
        read_table(tmp_path / "m.csv")


def test_a_written_table_is_read_again(tmp_path):
    write_table(tmp_path / "m.csv", ("a", "b"), [("1,2", 'x"y'), ("", 3)])
    assert (tmp_path / "m.csv").read_text() == 'a,b\n"1,2","x""y"\n,3\n'
    assert [dict(row.cells) for row in read_table(tmp_path / "m.csv").rows] == [
        {"a": "1,2", "b": 'x"y'},
        {"a": "", "b": "3"},
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["m.csv"]


def test_a_long_cell_is_read_and_one_without_end_is_refused(tmp_path, monkeypatch):
    long = "No finding. " * 20_000
    (tmp_path / "m.csv").write_text(f'study_id,report\n1,"{long}"\n')
    assert read_table(tmp_path / "m.csv").rows[0].text("report") == long.strip()
    monkeypatch.setattr("mmdx.data.tables.tables.MOST_TEXT", 100)
    (tmp_path / "m.jsonl").write_text(json.dumps({"study_id": 1, "report": long}))
    for name in ("m.csv", "m.jsonl"):
        with pytest.raises(DataError, match=rf"{name}, row \d: a cell has more than 1,000,000 characters") as error:
            read_table(tmp_path / name)
        assert "\n" not in str(error.value)


def test_utf_16_with_a_byte_order_mark_is_read(tmp_path):
    (tmp_path / "m.csv").write_text("study_id,report\n1,胸腔积液\n", encoding="utf-16")
    assert read_table(tmp_path / "m.csv").rows[0].text("report") == "胸腔积液"


def test_numbers_of_many_digits_are_read_or_refused_in_a_line(tmp_path):
    for name, digits in (("a.jsonl", 400), ("b.jsonl", 5000)):
        (tmp_path / name).write_text('{"study_id": "a", "mass": ' + "9" * digits + "}\n")
    (row,) = read_table(tmp_path / "a.jsonl").rows
    assert row.fact("mass") == "9" * 400
    with pytest.raises(DataError, match=r"row 1, column 'mass': label is '9{400}'"):
        parse_label(row.cells["mass"], row.at("mass"))
    with pytest.raises(DataError, match=r"b\.jsonl, row 1: Exceeds the limit .* digits"):
        read_table(tmp_path / "b.jsonl")


def test_many_columns_take_no_longer_than_they_are_many(tmp_path):
    names = [f"c{i}" for i in range(50_000)]
    (tmp_path / "m.csv").write_text(",".join(names) + "\n" + ",".join("1" * 50_000) + "\n")
    (tmp_path / "m.jsonl").write_text(json.dumps(dict.fromkeys(names, 1)) + "\n")
    for name in ("m.csv", "m.jsonl"):
        assert len(read_table(tmp_path / name).columns) == 50_000
