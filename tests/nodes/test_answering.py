"""A received study is answered by a file with the next free number; why one is not quotes nothing of its files."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from handed_over import NAME, STUDY, write_exam
from highdicom.sr import srread

from mmdx.data.own_folder import own_folder
from mmdx.errors import DataError, UsageError
from mmdx.nodes.answering import Answering
from mmdx.nodes.inbox import Received


def received(folder: Path, **elements) -> Received:
    files = write_exam(folder, **elements)
    return Received(1, b"key", folder, 0.0, {bytes([place]): path for place, path in enumerate(files)})


def test_each_answer_has_the_next_number_and_what_could_not_be_read_is_told_in_it(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "study-007.dcm").write_bytes(b"of yesterday")
    with own_folder("mmdx-test-") as private:
        answering = Answering(run, out, private)
        study = received(private / "1")
        study.refused = {b"x": "its pixels are cut short"}
        first, second = answering(study), answering(study)
        assert [path.name for path in private.rglob("*.dcm") if "made" in path.parts] == []
    assert [path.name for path in (*first.files, *second.files)] == ["study-008.dcm", "study-009.dcm"]
    assert (out / "study-007.dcm").read_bytes() == b"of yesterday"
    report = srread(first.files[0])
    assert (report.StudyInstanceUID, str(report.PatientName)) == (STUDY, NAME)
    texts = [item.TextValue for item in report.content[0].ContentSequence[-1].ContentSequence]
    assert "1 of its image(s) were received and could not be read: its pixels are cut short" in texts


def test_why_there_is_no_answer_names_nobody(run: Path, tmp_path: Path) -> None:
    with own_folder("mmdx-test-") as private:
        answering = Answering(run, tmp_path / "out", private)
        with pytest.raises(DataError) as refused:
            answering(received(private / "1", Modality="MR", SeriesDescription=f"{NAME} 31.1.1970"))
        assert "was trained on HU" in str(refused.value)
        with pytest.raises(DataError, match="no PatientID, so no archive could tell whose report it is") as lacking:
            answering(received(private / "2", PatientID=None))
        for error in (refused, lacking):
            assert not re.search(rf"{STUDY}|{NAME[:6]}|1970", str(error.value))
        assert answering(received(private / "3")).files[0].name == "study-001.dcm"


def test_a_place_without_a_model_is_refused(tmp_path: Path) -> None:
    with own_folder("mmdx-test-") as private, pytest.raises(UsageError, match="neither a run folder nor a model"):
        Answering(tmp_path, tmp_path / "out", private)
    shutil.rmtree(tmp_path / "out", ignore_errors=True)
