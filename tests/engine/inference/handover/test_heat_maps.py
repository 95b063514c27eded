"""`mmdx explain --dicom`, from DICOM files to DICOM files; what has none, and why."""

from __future__ import annotations

import json
from pathlib import Path

import pydicom
import pytest
from handed_over import NAME, STUDY, write_exam
from members import write_member

from mmdx.cli import main


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    image = {"encoder": {"type": "timm", "name": "test_resnet"}, "sequence": {"type": "lstm", "hidden": 4}}
    folder = tmp_path_factory.mktemp("heat") / "model"
    write_member(
        folder,
        seed=0,
        findings=("bleed", "fracture"),
        inputs={"image": image, "report": "bilstm_attention"},
        heads={"slice": "slice", "study": "study"},
    )
    return folder


def explain(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["explain", *map(str, arguments)])
    return int(ended.value.code or 0)


def test_each_drawn_slice_leaves_and_a_study_that_cannot_is_named(model: Path, tmp_path: Path, capsys) -> None:
    paths = write_exam(tmp_path / "exams" / "a", Modality="MR")
    write_exam(tmp_path / "exams" / "b", Modality="MR", StudyInstanceUID="1.2.2", PatientID=None)
    out = tmp_path / "out"
    assert explain(model, tmp_path / "exams", "--out", out, "--top", "2", "--dicom") == 1
    entries = {entry["study_id"]: entry for entry in json.loads((out / "explain.json").read_text())}
    names = entries[STUDY]["captures"]
    assert len(names) == len(set(names)) == 4  # two slices of two findings
    assert "captures" not in entries["1.2.2"]
    drawn = [one for found in entries[STUDY]["findings"].values() for one in found["slices"]]
    files = [pydicom.dcmread(out / name) for name in names]
    assert [file.SourceImageSequence[0].ReferencedSOPInstanceUID for file in files] == [
        one["sop_instance_uid"] for one in drawn
    ]
    assert {file.StudyInstanceUID for file in files} == {pydicom.dcmread(paths[0]).StudyInstanceUID}
    said = capsys.readouterr()
    assert "DICOM: 4 slices under their heat" in said.out
    assert said.err.count("no heat as DICOM: 1.2.2: no PatientID") == 1
    assert NAME.split("^")[0] not in said.out + said.err
    assert explain(model, tmp_path / "exams" / "a", "--out", out, "--dicom") == 2
    assert "holds heat of before, maybe of other patients" in capsys.readouterr().err
