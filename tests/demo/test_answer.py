"""What is answered for files: both answers as `mmdx predict` gives them, heat, boxes, reports; and what is refused."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import pydicom
import pytest
from handed_over import NAME, write_exam

from mmdx.demo import answer as module
from mmdx.demo.answer import Answer, Opened, answer_files
from mmdx.engine.inference.model import Model
from mmdx.errors import DataError, UsageError


def test_both_answers_are_those_of_predict(home: Path, of_ct: Answer) -> None:
    (study,) = of_ct.studies
    model = Model.load(home / "ct")
    (whole,) = model.predict(home / "exam", report="fall on the head, no blood is seen")
    (bare,) = model.predict(home / "exam")
    assert study.with_text is not None
    assert study.without_text is not None
    assert study.with_text.findings == whole.findings != bare.findings
    assert study.without_text.findings == bare.findings
    assert (study.with_text.calibrated, study.without_text.calibrated) == (True, False)
    assert study.main is study.with_text


def test_a_report_of_the_patient_leaves_for_dicom_alone_and_nothing_stays(home: Path, of_pictures: Answer, tmp_path):
    answer = answer_files(Opened.of(home / "ct"), home / "exam", reports={}, modality=None, folder=tmp_path)
    (study,) = answer.studies
    assert study.handed.content is not None
    assert str(pydicom.dcmread(io.BytesIO(study.handed.content)).PatientName) == NAME
    assert list(tmp_path.iterdir()) == []
    (pictures,) = of_pictures.studies
    assert pictures.handed.content is None
    assert "no DICOM files" in pictures.handed.why_not


def test_without_a_report_there_is_one_answer(home: Path, tmp_path: Path) -> None:
    answer = answer_files(
        Opened.of(home / "ct"), home / "exam", reports={"report": " \n"}, modality=None, folder=tmp_path
    )
    (study,) = answer.studies
    assert study.with_text is None
    assert study.predictions == [study.without_text]
    assert study.main.missing == ("report",)


def test_an_ensemble_tells_its_spread_its_heat_and_its_words(of_pictures: Answer) -> None:
    (study,) = of_pictures.studies
    assert study.main.members == 2
    assert set(study.main.spread) == {"bleed", "fracture"}
    assert set(study.slices["image"].heat) == set(study.likeliest["image"]) == set(study.pictures)
    assert [word for word, _ in study.words["report"]][:3] == ["history", "of", "a"]
    assert len(study.slice_weights["image"]) == 2


def test_what_has_no_heat_is_shown_and_says_why(of_ct: Answer, monkeypatch, home: Path, tmp_path: Path) -> None:
    def explain(*_: object, **__: object) -> None:
        raise UsageError("its encoder gives no feature maps")

    monkeypatch.setattr(module, "explain_study", explain)
    answer = answer_files(Opened.of(home / "ct"), home / "exam", reports={}, modality=None, folder=tmp_path)
    (study,) = answer.studies
    assert study.unexplained == ["no heat over 'image': its encoder gives no feature maps"]
    assert len(study.slices["image"].pixels) == 3
    assert study.slices["image"].heat == {}


def test_what_cannot_be_answered_is_told_in_lines(home: Path, tmp_path: Path, monkeypatch) -> None:
    opened = Opened.of(home / "ct")
    with pytest.raises(DataError, match="trained on HU"):
        answer_files(opened, home / "pictures", reports={}, modality=None, folder=tmp_path)
    with pytest.raises(DataError, match="more than 1,000,000 bytes"):
        answer_files(opened, home / "exam", reports={"report": "a" * 1_000_001}, modality=None, folder=tmp_path)
    for number in ("1", "2"):
        shutil.copytree(home / "exam", tmp_path / "two" / number)
    for path in (tmp_path / "two" / "2").iterdir():
        file = pydicom.dcmread(path)
        file.StudyInstanceUID, file.SeriesInstanceUID = "1.2.3", "1.2.3.4"
        file.save_as(path)
    with pytest.raises(UsageError, match="holds 2 studies and the report belongs to one"):
        answer_files(opened, tmp_path / "two", reports={"report": "fall"}, modality=None, folder=tmp_path)
    monkeypatch.setattr(module, "MOST_STUDIES", 1)
    with pytest.raises(UsageError, match="more than 1 studies"):
        answer_files(opened, tmp_path / "two", reports={}, modality=None, folder=tmp_path)


def test_gaps_stand_in_words(home: Path, tmp_path: Path) -> None:
    paths = write_exam(tmp_path / "exam")
    far = pydicom.dcmread(paths[2])
    far.ImagePositionPatient, far.InstanceNumber = [0, 0, 30], 6
    far.save_as(paths[2])
    paths += write_exam(tmp_path / "more")[:1]
    shutil.rmtree(tmp_path / "more")
    answer = answer_files(Opened.of(home / "ct"), tmp_path / "exam", reports={}, modality=None, folder=tmp_path)
    assert "At least one slice is missing after slice 2." in answer.studies[0].orders["image"]
