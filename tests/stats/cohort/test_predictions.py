from pathlib import Path

import numpy as np
import pytest

from mmdx.errors import DataError
from mmdx.stats.cohort.predictions import read_predictions

HEADER = "study_id,patient_id,shown,finding,label,score"


def write(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "test.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def refusal(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        read_predictions(path)
    (line,) = caught.value.problems
    assert str(path) in line
    assert "\n" not in line
    return line


def test_identifiers_stay_text_and_an_empty_label_is_unknown(tmp_path):
    frame = read_predictions(
        write(tmp_path, HEADER, "007,01,ct,bleed,1,0.5", "NA,02,ct,bleed,,1", "8,03,ct,bleed,0.0,0")
    )
    assert frame["study_id"].tolist() == ["007", "NA", "8"]
    assert frame["patient_id"].tolist() == ["01", "02", "03"]
    np.testing.assert_array_equal(frame["label"], [1.0, np.nan, 0.0])
    assert frame["score"].tolist() == [0.5, 1.0, 0.0]


def test_a_slice_file_keeps_its_slices_and_drops_what_it_does_not_know(tmp_path):
    path = write(tmp_path, HEADER + ",slice,note", "a,p,ct,bleed,1,0.5,01,x", "a,p,ct,bleed,1,0.5,02,y")
    frame = read_predictions(path)
    assert list(frame.columns) == [*HEADER.split(","), "slice"]
    assert frame["slice"].tolist() == ["01", "02"]


def test_missing_and_empty_files(tmp_path):
    assert "no such prediction file" in refusal(tmp_path / "none.csv")
    assert "is no regular file but a folder" in refusal(tmp_path)
    assert "no rows below the header" in refusal(write(tmp_path, HEADER))
    (tmp_path / "empty.csv").write_bytes(b"")
    assert "the file is empty" in refusal(tmp_path / "empty.csv")
    (tmp_path / "latin.csv").write_bytes(HEADER.encode() + b"\na,p,ct,h\xe4matom,1,0.5\n")
    assert "UTF-8" in refusal(tmp_path / "latin.csv")


def test_a_missing_column_names_the_nearest(tmp_path):
    line = refusal(write(tmp_path, "study_id,patient_id,shown,finding,label,scores", "a,p,ct,bleed,1,0.5"))
    assert "no column 'score'; did you mean 'scores'?" in line


def test_rows_longer_than_the_header_do_not_shift(tmp_path):
    assert "more fields than the header" in refusal(write(tmp_path, HEADER, "a,p,ct,bleed,1,0.5,x"))
    assert "cannot be read" in refusal(write(tmp_path, HEADER, "a,p,ct,bleed,1,0.5", "b,p,ct,bleed,1,0.5,x"))


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("b,p,ct,bleed,2,0.5", "label is '2'"),
        ("b,p,ct,bleed,nan,0.5", "label is 'nan'"),
        ("b,p,ct,bleed,yes,0.5", "label is 'yes'"),
        ("b,p,ct,bleed,1,", "score is ''"),
        ("b,p,ct,bleed,1,nan", "score is 'nan'"),
        ("b,p,ct,bleed,1,1.01", "score is '1.01'"),
        ("b,p,ct,bleed,1,-0.1", "score is '-0.1'"),
        ("b,p,ct,bleed,1,inf", "score is 'inf'"),
        (",p,ct,bleed,1,0.5", "study_id is empty"),
        ("b,p,,bleed,1,0.5", "shown is empty"),
        ("a,p,ct,bleed,0,0.7", "study_id 'a', shown 'ct', finding 'bleed' is given twice"),
        ("a,q,ct,edema,0,0.7", "study 'a' is of patient 'q' here"),
    ],
)
def test_a_bad_row_is_named_by_its_line(tmp_path, row, problem):
    line = refusal(write(tmp_path, HEADER, "a,p,ct,bleed,1,0.5", row))
    assert "line 3: " + problem in line


def test_one_study_may_be_shown_twice_and_have_two_findings(tmp_path):
    rows = ["a,p,ct,bleed,1,0.5", "a,p,ct+report,bleed,1,0.5", "a,p,ct,edema,1,0.5"]
    assert len(read_predictions(write(tmp_path, HEADER, *rows))) == 3


def test_further_bad_rows_are_counted(tmp_path):
    line = refusal(write(tmp_path, HEADER, "a,p,ct,bleed,1,2", "b,p,ct,bleed,1,3", "c,p,ct,bleed,1,4"))
    assert "line 2" in line
    assert "(2 more such rows)" in line


def test_folds_are_text_and_dealt_by_patient(tmp_path):
    path = write(tmp_path, HEADER + ",fold", "a,p,ct,bleed,1,0.5,0", "b,q,ct,bleed,1,0.5,1")
    assert read_predictions(path)["fold"].tolist() == ["0", "1"]
    path = write(tmp_path, HEADER + ",fold", "a,p,ct,bleed,1,0.5,0", "b,p,ct,bleed,1,0.5,1")
    assert "line 3: patient 'p' is in fold '1' here and in another above; deal folds by patient" in refusal(path)
    assert "line 2: fold is empty" in refusal(write(tmp_path, HEADER + ",fold", "a,p,ct,bleed,1,0.5,"))
