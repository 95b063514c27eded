"""The file of checked explanations."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmdx.errors import DataError
from mmdx.stats.sections.explanations.files import explanations_path, read_explanations

HEAD = "study_id,patient_id,finding,method,measure,value,chance\n"


def test_rows_are_read(tmp_path: Path):
    path = explanations_path(tmp_path / "test.csv")
    assert path.name == "test_explanations.csv"
    path.write_text(f"{HEAD}007,p,bleed,Grad-CAM,deletion,0.25,0.5\n")
    (row,) = read_explanations(path).to_dict("records")
    assert (row["study_id"], row["value"], row["chance"]) == ("007", 0.25, 0.5)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("s,p,bleed,Grad-CAM,guess,0.2,0.5", "line 2: measure is 'guess'"),
        ("s,p,bleed,Grad-CAM,hit,2,0.5", "line 2: value is '2'"),
        ("s,p,bleed,Grad-CAM,hit,1,", "line 2: chance is ''"),
    ],
)
def test_bad_rows_are_refused(tmp_path: Path, row: str, said: str):
    path = tmp_path / "test_explanations.csv"
    path.write_text(f"{HEAD}{row}\n")
    with pytest.raises(DataError, match=said):
        read_explanations(path)
