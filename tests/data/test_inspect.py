"""What inspect shows is fit for JSON and for a terminal of 80 columns."""

import json
from pathlib import Path

from rich.console import Console

from mmdx.data.inspect import rows, table
from mmdx.study import ImageFiles, ImageRef, Order, Study

ROOT = Path("exams")
CT = ImageFiles(
    (ImageRef(ROOT / "a" / "1.dcm"), ImageRef(ROOT / "a" / "m.dcm", 0), ImageRef(ROOT / "a" / "m.dcm", 7)),
    Order("position", spacing_mm=2.5, gaps=(0,), duplicates=(2,), agrees=False),
    "HU",
)
STUDIES = [
    Study(
        "1.2.840.113619.2.55.3.604688119.971.1", "p1", {"ct": CT, "report": "Fall."}, problems=("a slice is missing",)
    ),
    Study("b/broken.dcm", "", {}, problems=("not a DICOM file",)),
]


def test_rows_say_everything_of_each_modality():
    ct, report, broken = rows(STUDIES, ROOT)
    assert ct == {
        "study_id": "1.2.840.113619.2.55.3.604688119.971.1",
        "patient_id": "p1",
        "modality": "ct",
        "images": 3,
        "order_source": "position",
        "spacing_mm": 2.5,
        "gaps": [0],
        "duplicates": [2],
        "problems": ["a slice is missing"],
        "files": ["a/1.dcm", "a/m.dcm", "a/m.dcm#7"],
    }
    assert (report["modality"], report["images"], report["order_source"], report["files"]) == ("report", 0, None, [])
    assert (broken["modality"], broken["images"], broken["problems"]) == ("", 0, ["not a DICOM file"])
    assert json.loads(json.dumps(rows(STUDIES, ROOT))) == rows(STUDIES, ROOT)


def test_files_of_a_single_file_study_are_named_from_its_folder(tmp_path):
    path = tmp_path / "one.dcm"
    path.touch()
    study = Study("s", "p", {"ct": ImageFiles((ImageRef(path),), Order("position"))})
    assert rows([study], path)[0]["files"] == ["one.dcm"]


def test_table_fits_80_columns_and_reads_brackets_as_they_are():
    odd = Study("[bold]x", "p", {}, problems=("left [out]",))
    console = Console(width=80, record=True, file=open("/dev/null", "w"))  # noqa: PTH123, SIM115
    console.print(table(rows([*STUDIES, odd], ROOT)))
    text = console.export_text()
    assert max(len(line) for line in text.splitlines()) <= 80
    for words in (
        "604688119.971.1"[-13:],
        "position",
        "2.5",
        "a slice is missing",
        "b/broken.dcm",
        "[bold]x",
        "left [out]",
    ):
        assert words in text
    assert text.count("a slice is missing") == 1
