import pandas as pd
import pytest
from asking import ask

from mmdx.errors import DataError
from mmdx.stats.cohort.cohort import read_cohort
from mmdx.stats.sections.boxes.section import boxes_section

SQUARE, ELSEWHERE = (0, 0, 10, 10), (20, 20, 30, 30)


@pytest.fixture
def run(write_run):
    """Four studies with one box each; with the report all are found, from the image alone half of them."""
    run = write_run("fused", {"image+report": 1.0, "image": 1.0}, patients=8, findings=("bleed",))
    corners = ["x0", "y0", "x1", "y1"]
    known = [(f"s{i}", f"p{i}", "bleed", 0, *SQUARE) for i in range(4)]
    table = pd.DataFrame(known, columns=["study_id", "patient_id", "finding", "slice", *corners])
    table.to_csv(run / "predictions" / "test_boxes_truth.csv", index=False)
    rows = [
        (f"s{i}", f"p{i}", shown, "bleed", 0, *(SQUARE if i % 2 or shown != "image" else ELSEWHERE), 0.9)
        for shown in ("image+report", "image")
        for i in range(4)
    ]
    columns = ["study_id", "patient_id", "shown", "finding", "slice", *corners, "score"]
    pd.DataFrame(rows, columns=columns).to_csv(run / "predictions" / "test_boxes.csv", index=False)
    return run


def test_every_showing_has_its_row(run):
    section = ask(boxes_section, read_cohort([run]), resamples=50, seed=0)
    (sheet,) = section.sheets
    assert sheet.header[:2] == ("model", "AP at IoU 0.5")
    assert [row[0] for row in sheet.rows] == ["image+report", "image"]
    assert sheet.rows[0][1].startswith("1.000")
    assert section.record["image"]["mean"]["pointing"]["value"] == 0.5


def test_without_boxes_there_is_nothing_to_say_and_bad_ones_are_refused(run):
    path = run / "predictions" / "test_boxes.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("0.9", "9"), encoding="utf-8")
    with pytest.raises(DataError, match="score is '9'"):
        ask(boxes_section, read_cohort([run]), resamples=50, seed=0)
    path.unlink()
    assert ask(boxes_section, read_cohort([run]), resamples=50, seed=0) is None
