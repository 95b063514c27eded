"""What a reader finds in raw files, as a value."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cohorts import write_png

from mmdx.engine.intake.inspect import find_studies, inspect
from mmdx.errors import UsageError


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """One study of two images, and one whose image is missing."""
    root = tmp_path / "raw"
    root.mkdir()
    write_png(root / "a.png", 90)
    write_png(root / "b.png", 120)
    rows = ["study_id,patient_id,file_names,bleed", "s1,p1,a.png;b.png,1", "s2,p2,gone.png,0"]
    (root / "metadata.csv").write_text("\n".join(rows), encoding="utf-8")
    return root


def test_an_inspection_has_one_row_per_study_and_modality(raw: Path, tmp_path: Path) -> None:
    inspection = inspect(raw)
    assert (inspection.reader, inspection.sound) == ("folder", False)
    frame = inspection.frame()
    assert frame["study_id"].tolist() == ["s1", "s2"]
    assert frame["images"].tolist() == [2, 0]
    inspection.save(tmp_path / "rows.json")
    assert json.loads((tmp_path / "rows.json").read_text())[0]["files"] == ["a.png", "b.png"]


def test_the_reader_is_found_by_what_lies_there_and_takes_its_options(raw: Path) -> None:
    name, studies = find_studies(raw)
    assert name == "folder"
    assert [study.labels for study in studies] == [{"bleed": 1.0}, {"bleed": 0.0}]
    with pytest.raises(UsageError, match="colour: unknown key"):
        find_studies(raw, reader="folder", options={"colour": True})


def test_nothing_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="none: no such file or folder"):
        inspect(tmp_path / "none")
