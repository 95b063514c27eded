"""From DICOM files to DICOM reports, by the command line and from Python; what has no report, and why."""

from __future__ import annotations

import ast
import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pydicom
import pytest
from cohorts import write_png
from handed_over import BRIGHT, NAME, SERIES, STUDY, seeing_brightness, write_exam, write_model
from highdicom.sr import srread

import mmdx
from mmdx.cli import main
from mmdx.data.order.display import axes_of
from mmdx.engine.assembly.saved import load_model
from mmdx.engine.inference.model import Model
from mmdx.errors import UsageError

AXES = {"LP": [1, 0, 0, 0, 1, 0], "RA": [-1, 0, 0, 0, -1, 0], "PR": [0, 1, 0, -1, 0, 0], "FL": [0, 0, -1, 1, 0, 0]}


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return write_model(tmp_path_factory.mktemp("runs") / "mine" / "checkpoints" / "best")


def predict(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["predict", *map(str, arguments)])
    return int(ended.value.code or 0)


def test_a_study_leaves_with_its_scores_and_its_images(model: Path, tmp_path: Path, capsys) -> None:
    paths = write_exam(tmp_path / "exam")
    out = tmp_path / "out"
    assert predict(model.parents[1], tmp_path / "exam", "--out", out, "--sr") == 0
    (answer,) = json.loads((out / "predictions.json").read_text())
    assert answer["sr"] == "study-001.dcm"
    report = srread(out / "study-001.dcm")
    assert (report.StudyInstanceUID, str(report.PatientName)) == (STUDY, NAME)
    evidence = {(series, one) for _, series, one, _ in report.get_evidence()}
    assert evidence == {(SERIES, pydicom.dcmread(path).SOPInstanceUID) for path in paths}
    found = report.content.get_image_measurement_groups()
    scores = {group.tracking_identifier: group.get_measurements()[0].value for group in found}
    assert scores == answer["findings"]
    regions = report.content.get_planar_roi_measurement_groups()
    assert len(regions) == len(answer["boxes"]) > 0
    captured = capsys.readouterr()
    assert "DICOM SR: study-001.dcm" in captured.out
    assert NAME.split("^")[0] not in captured.out + captured.err + (out / "predictions.json").read_text()


@pytest.mark.parametrize("axes", AXES)
@pytest.mark.parametrize(("shape", "spacing"), [((24, 16), [1, 1]), ((16, 24), [1, 2.5]), ((20, 20), [2, 1])])
def test_corners_come_back_to_the_pixels_that_they_were_found_on(
    model: Path, tmp_path: Path, monkeypatch, axes: str, shape: tuple[int, int], spacing: list[float]
) -> None:
    """Whatever way images are turned, stretched and letter-boxed on their way to the model."""
    seeing_brightness(monkeypatch)
    assert axes_of([tuple(map(float, AXES[axes]))]) == axes
    hu = np.zeros((1, *shape))
    hu[0, 3:9, 4:14] = BRIGHT
    write_exam(tmp_path / "exam", hu, ImageOrientationPatient=AXES[axes], PixelSpacing=spacing)
    Model.load(model).predict(tmp_path / "exam", sr=tmp_path / "out")
    report = srread(tmp_path / "out" / "study-001.dcm")
    (group,) = report.content.get_planar_roi_measurement_groups()
    line = group.roi.value
    assert [*line.min(axis=0), *line.max(axis=0)] == pytest.approx([4, 3, 14, 9], abs=0.5)
    sides = {one.name.value: one.value for one in group.get_measurements()}
    assert sides["box-width"] == pytest.approx(10 * spacing[1], abs=spacing[1])
    assert sides["box-height"] == pytest.approx(6 * spacing[0], abs=spacing[0])


def test_a_frame_of_a_file_of_several_is_referred_to(model: Path, tmp_path: Path, monkeypatch) -> None:
    seeing_brightness(monkeypatch)
    (path,) = write_exam(tmp_path / "exam", np.zeros((1, 16, 16)))
    file, pixels = pydicom.dcmread(path), np.zeros((4, 16, 16), np.int16)
    pixels[2, 4:8, 4:8] = BRIGHT
    file.NumberOfFrames, file.PixelData = 4, pixels.tobytes()
    file.file_meta.MediaStorageSOPClassUID = file.SOPClassUID = pydicom.uid.EnhancedCTImageStorage
    del file.ImagePositionPatient
    file.save_as(path)
    Model.load(model).predict(tmp_path / "exam", sr=tmp_path / "out")
    (group,) = srread(tmp_path / "out" / "study-001.dcm").content.get_planar_roi_measurement_groups()
    (image,) = group.roi.ContentSequence
    assert (image.referenced_sop_instance_uid, image.referenced_frame_numbers) == (file.SOPInstanceUID, [3])


def test_a_zip_is_handed_over_while_it_is_unpacked(model: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "exam.zip", "w") as archive:
        for path in write_exam(tmp_path / "exam"):
            archive.write(path, path.name)
    (answer,) = Model.load(model).predict(tmp_path / "exam.zip", sr=tmp_path / "out")
    assert answer.sr == "study-001.dcm"
    assert (tmp_path / "out" / answer.sr).is_file()


def test_a_study_that_can_have_no_report_is_named_and_the_others_go_on(model: Path, tmp_path: Path, capsys) -> None:
    cohort, out = tmp_path / "cohort", tmp_path / "out"
    write_exam(cohort / "a", StudyInstanceUID="1.2.1", PatientID=None)
    write_exam(cohort / "b", StudyInstanceUID="1.2.2")
    assert predict(model, cohort, "--out", out, "--sr") == 1
    answers = json.loads((out / "predictions.json").read_text())
    assert [(answer["study_id"], answer.get("sr")) for answer in answers] == [
        ("1.2.1", None),
        ("1.2.2", "study-002.dcm"),
    ]
    assert [path.name for path in out.glob("*.dcm")] == ["study-002.dcm"]
    lines = [line for line in capsys.readouterr().err.splitlines() if "no SR" in line]
    assert lines == ["mmdx: no SR: 1.2.1: no PatientID, so no archive could tell whose report it is"]


def test_images_of_another_kind_have_an_answer_and_no_report(tmp_path: Path, capsys) -> None:
    model, out = write_model(tmp_path / "model", unit="intensity"), tmp_path / "out"
    write_png(tmp_path / "exam" / "1.png", 100, 16)
    assert predict(model, tmp_path / "exam", "--out", out, "--sr") == 1
    (answer,) = json.loads((out / "predictions.json").read_text())
    assert "sr" not in answer
    line = "no SR: exam: its images are no DICOM files, to which an SR could refer (1.png)"
    assert line in capsys.readouterr().err


def test_the_report_knows_the_thresholds_of_its_run(model: Path, tmp_path: Path) -> None:
    run = tmp_path / "mine"
    shutil.copytree(model.parents[1], run)
    rows = [f"v{i},v{i},image,bleed,{i % 2},{0.875 if i % 2 else 0.125}" for i in range(12)]
    (run / "predictions").mkdir()
    head = "study_id,patient_id,shown,finding,label,score"
    (run / "predictions" / "val.csv").write_text("\n".join([head, *rows]) + "\n")
    write_exam(tmp_path / "exam")
    (answer,) = Model.load(run).predict(tmp_path / "exam", sr=tmp_path / "out")
    assert answer.thresholds == {"bleed": 0.5}
    report = srread(tmp_path / "out" / "study-001.dcm")
    (group,) = report.content.get_image_measurement_groups(finding_type=_finding(report, "bleed"))
    assert [one.value for one in group.get_measurements() if one.name.value == "threshold"] == [0.5]


def _finding(report, name: str):
    (group,) = [one for one in report.content.get_image_measurement_groups() if one.tracking_identifier == name]
    return group.finding_type


def test_reports_of_before_are_not_mixed_with_new_ones(model: Path, tmp_path: Path, capsys) -> None:
    write_exam(tmp_path / "exam")
    assert predict(model, tmp_path / "exam", "--out", tmp_path / "out", "--sr") == 0
    before = (tmp_path / "out" / "study-001.dcm").read_bytes()
    assert predict(model, tmp_path / "exam", "--out", tmp_path / "out", "--sr") == 2
    assert "holds reports of before, maybe of other patients (study-001.dcm)" in capsys.readouterr().err
    assert (tmp_path / "out" / "study-001.dcm").read_bytes() == before


def test_a_report_needs_a_place_and_a_model_with_weights_of_its_own(model: Path, tmp_path: Path, capsys) -> None:
    assert predict(model, tmp_path, "--sr") == 2
    assert "say where they go (--out FOLDER)" in capsys.readouterr().err
    with pytest.raises(UsageError, match="an SR names the weights that answer"):
        Model(load_model(model)).predict(np.zeros((1, 16, 16), np.int16), sr=tmp_path / "out")


def test_arrays_have_an_answer_and_no_report(model: Path, tmp_path: Path) -> None:
    answers = Model.load(model).predict(np.zeros((1, 16, 16), np.int16), sr=tmp_path / "out")
    assert (len(answers), answers[0].sr) == (1, None)
    assert answers.without_sr == ("no SR: study: its images are arrays, and an SR refers to DICOM files",)


def test_who_asks_for_no_report_does_not_wait_for_highdicom() -> None:
    home = Path(mmdx.__file__).parent
    ways, seen = ["mmdx.engine.inference.model"], set()
    while ways:
        name = ways.pop()
        path = home.parent / f"{name.replace('.', '/')}.py"
        if name in seen or not path.is_file():
            continue
        seen.add(name)
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            ways += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            ways += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert not any(way.startswith("highdicom") for way in ways), name
    assert "mmdx.engine.inference.handover.sources" in seen
