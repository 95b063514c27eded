from __future__ import annotations

import pytest

from mmdx.data.tables.tables import read_table
from mmdx.data.tables.usual_names import require_names, suggest_names
from mmdx.errors import DataError


def table(tmp_path, text: str):
    (tmp_path / "t.csv").write_text(text)
    return read_table(tmp_path / "t.csv")


def test_names_are_suggested_where_mmdx_has_none_of_its_own(tmp_path, caplog):
    found = table(tmp_path, "study_id,Patient ID,set,age\n1,p,train,3\n")
    suggest_names(found, ["Patient ID", "set", "age"])
    assert [record.getMessage().split(": ", 1)[1] for record in caplog.records] == [
        "column 'Patient ID' is not read as 'patient_id'; if it is meant so, rename it",
        "column 'set' is not read as 'split'; if it is meant so, rename it",
    ]
    caplog.clear()
    suggest_names(table(tmp_path, "patient_id,subject\np,q\n"), ["subject"])
    assert not caplog.records


def test_files_under_another_name_are_refused_and_other_cells_are_not(tmp_path):
    with pytest.raises(DataError, match="column 'path' names files; did you mean 'file_name'"):
        require_names(table(tmp_path, "study_id,path\n1,a.png\n"))
    require_names(table(tmp_path, "study_id,image\n1,chest\n"))
    with pytest.raises(DataError, match="no column 'study_id' or 'file_name'; known: age"):
        require_names(table(tmp_path, "age\n1\n"))
