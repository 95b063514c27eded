from __future__ import annotations

from mmdx.data.readers.folder import columns_taken
from mmdx.terminal.inspect import column_lines

TABLE = """file_name,report,oxygen,icu,diagnosis,sex,age,fold,remark,patient_id,split
1.png,Clear lungs.,1,yes,normal,F,61,train,{long},p1,train
2.png,,0,no,mass,M,,val,{long},p1,
3.png,Seen.,,yes,,F,44,test,{long},p2,test
"""


def lines(root, **options) -> dict[str, tuple[str, str, str]]:
    (root / "metadata.csv").write_text(TABLE.replace("{long}", "word " * 20), encoding="utf-8")
    return {use.column: (use.role, use.holds, use.hint) for use in columns_taken(root, **options)}


def test_every_column_is_told_as_it_is_taken(tmp_path):
    told = lines(tmp_path)
    assert told["file_name"] == ("images of 'image'", "3 different", "")
    assert told["report"] == ("text", "2 of 5 to 12 characters, median 8.5, empty 1", "")
    assert told["oxygen"] == ("finding", "1: 1, 0: 1, empty: 1", "")
    assert told["icu"] == ("trait", "yes 2, no 1", "a label? 'labels={icu: {yes: 1, no: 0}}'")
    assert told["sex"] == ("trait", "F 2, M 1", "")
    assert told["age"] == ("trait", "44 to 61, empty 1", "")
    assert told["fold"][2] == "looks like splits, which are read from the column 'split'"
    assert told["remark"][2] == "long text; a report is read from the column 'report'"
    assert told["patient_id"] == ("patient", "2 different", "")
    assert told["split"] == ("split", "train 1, test 1, empty 1", "")


def test_labels_in_words_are_told_as_the_option_makes_them(tmp_path):
    told = lines(tmp_path, labels={"icu": {"yes": 1, "no": 0}, "diagnosis": "classes"})
    assert told["icu"] == ("finding", "1: 2, 0: 1, empty: 0", "")
    assert told["diagnosis"] == ("group", "mass 1, normal 1, empty 1", "")


def test_the_terminal_says_that_there_is_no_finding(tmp_path):
    (tmp_path / "metadata.csv").write_text("file_name,icu\n1.png,yes\n2.png,no\n")
    shown = column_lines(columns_taken(tmp_path))
    assert shown[1:3] == ["column     taken as           holds", "file_name  images of 'image'  2 different"]
    assert shown[-1].startswith("no finding in it: nothing to learn or to score")
    assert column_lines([]) == []
