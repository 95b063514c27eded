"""Box files: what is read, and what is refused by row."""

from pathlib import Path

import numpy as np
import pytest

from mmdx.errors import DataError
from mmdx.stats.sections.boxes.files import read_truth, truth_of

HEADER = "study_id,patient_id,finding,slice,x0,y0,x1,y1\n"


def test_a_row_without_corners_is_a_slice_without_a_box(tmp_path):
    path = tmp_path / "test_boxes_truth.csv"
    path.write_text(HEADER + "a,p,bleed,3,1,2,4,5\na,p,bleed,4,,,,\n", encoding="utf-8")
    table = read_truth(path)
    assert table["slice"].tolist() == [3, 4]
    assert table["x1"].tolist()[0] == 4
    assert np.isnan(table["x0"].tolist()[1])


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("a,p,bleed,0,4,2,1,5", "corners are 4, 2, 1, 5"),
        ("a,p,bleed,0.5,1,2,4,5", "slice is '0.5'"),
        (",p,bleed,0,1,2,4,5", "study_id is empty"),
    ],
)
def test_what_is_no_box_is_refused(tmp_path, row, problem):
    path = tmp_path / "test_boxes_truth.csv"
    path.write_text(f"{HEADER}{row}\n", encoding="utf-8")
    with pytest.raises(DataError, match=problem):
        read_truth(path)


def test_the_truth_lies_beside_the_boxes():
    assert truth_of(Path("run/test_boxes.csv")) == Path("run/test_boxes_truth.csv")
    assert truth_of(Path("run/test_boxes_grad_cam.csv")) == Path("run/test_boxes_truth.csv")
