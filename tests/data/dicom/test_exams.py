"""What readers of DICOM trees share: the files of an exam, its study, and work on many files at once."""

from __future__ import annotations

import os

import numpy as np
import pydicom
import pytest
from cohorts import write_ct
from pydicom import Dataset

from mmdx.data.dicom import exams
from mmdx.data.dicom.exams import Exam, in_parallel, refuse_link_out, some, study_uid
from mmdx.data.dicom.files import read_header
from mmdx.errors import DataError


@pytest.fixture
def slices(tmp_path):
    place = {"study": "1.2.3", "series": "1.2.3.4", "patient": "p7"}
    return [write_ct(tmp_path / f"{k}.dcm", np.zeros((2, 2)), instance=3 - k, **place) for k in range(3)]


def exam_of(paths):
    exam = Exam()
    for path in paths:
        exam.add(path, read_header(path), path.name)
    return exam


def test_files_become_a_study_in_the_order_of_their_positions(slices):
    study = exam_of(slices).study("1.2.3", modality="ct")
    assert (study.study_id, study.patient_id, study.problems) == ("1.2.3", "p7", ())
    assert [ref.path.name for ref in study.modalities["ct"].images] == ["2.dcm", "1.dcm", "0.dcm"]


def test_a_file_without_its_pixels_is_left_out_and_its_header_counts(slices):
    slices[1].write_bytes(slices[1].read_bytes()[:-1])
    exam = exam_of(slices)
    exam.leave_out("no DICOM file", "notes.txt")
    assert (len(exam.images), len(exam.headers)) == (2, 3)
    assert exam.problems() == [
        "left out 1 file(s): truncated: 8 bytes of pixels expected, 7 left in the file (1.dcm)",
        "left out 1 file(s): no DICOM file (notes.txt)",
    ]


def test_headers_keep_what_a_study_needs_and_no_name(slices):
    ds = pydicom.dcmread(slices[0])
    ds.PatientName, ds.PatientBirthDate, ds.StudyDate, ds.PatientAge = "Doe^Jane", "19700101", "20200101", "006W"
    ds.save_as(slices[0])
    exam = exam_of(slices[:1])
    assert exam.traits() == {"age": 0.11}
    assert (exam.first("PatientID"), exam.first("PatientName"), exam.first("PatientBirthDate")) == ("p7", "", "")
    assert exam.images[0].header is exam.headers[0]
    assert "PixelData" not in exam.headers[0]


def test_an_exam_of_nothing_is_a_study_that_says_so():
    study = Exam().study("1.2.3")
    assert (study.patient_id, study.modalities) == ("1.2.3", {})
    assert study.problems == (
        "no PatientID; the study counts as a patient of its own",
        "no image to use in this study",
    )


def test_the_study_of_a_file(slices, tmp_path):
    assert study_uid(slices[0]) == "1.2.3"
    ds: Dataset = pydicom.dcmread(slices[0])
    ds.StudyInstanceUID = ""
    ds.save_as(slices[0])
    with pytest.raises(DataError, match="no StudyInstanceUID, so nothing says whose it is"):
        study_uid(slices[0])
    (tmp_path / "junk.dcm").write_bytes(b"junk")
    with pytest.raises(DataError, match="not a DICOM file"):
        study_uid(tmp_path / "junk.dcm")
    with pytest.raises(DataError, match="no such file"):
        study_uid(tmp_path / "none.dcm")


def test_links_stay_inside(tmp_path, slices):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.dcm").symlink_to(slices[0])
    refuse_link_out(tmp_path / "in" / "a.dcm", tmp_path, "a.dcm")
    with pytest.raises(DataError, match=r"a\.dcm: a link out of"):
        refuse_link_out(tmp_path / "in" / "a.dcm", tmp_path / "in", "a.dcm")


def test_the_first_three_names_and_how_many_more():
    assert some(["a", "b", "c"]) == "a, b, c"
    assert some(["a", "b", "c", "d"]) == "a, b, c and 1 more"


@pytest.mark.parametrize("cores", [1, 2])
def test_answers_come_in_the_order_of_the_tasks(monkeypatch, cores):
    monkeypatch.setattr(exams, "FILES_PER_WORKER", 1)
    monkeypatch.setattr(exams.os, "cpu_count", lambda: cores)
    assert in_parallel(divmod, [(7, 2), (9, 4), (5, 5)], files=3, saying="dividing") == [(3, 1), (2, 1), (1, 0)]


def test_few_files_need_no_second_process():
    assert set(in_parallel(os.getpid, [()] * 3, files=999, saying="asking")) == {os.getpid()}


def _die():
    os._exit(9)


def test_a_worker_that_is_killed_is_one_line(monkeypatch):
    monkeypatch.setattr(exams, "FILES_PER_WORKER", 1)
    monkeypatch.setattr(exams.os, "cpu_count", lambda: 2)
    with pytest.raises(DataError, match="reading headers: a worker was killed, for want of memory most likely"):
        in_parallel(_die, [()] * 2, files=2, saying="reading headers")
