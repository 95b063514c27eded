"""The RSNA challenge: slices in one folder become studies by their headers, and the label rows find their slices."""

from __future__ import annotations

import logging
import math

import numpy as np
import pydicom
import pytest
from challenge import write_challenge
from cohorts import write_ct

from mmdx.data.dicom import exams
from mmdx.data.images.decode import decode
from mmdx.data.readers._rsna import FINDINGS
from mmdx.data.readers.rsna_ich import image_places, read
from mmdx.data.store.check import check_studies
from mmdx.errors import DataError

FIRST, SECOND = "1.2.1", "1.2.2"


@pytest.fixture
def root(tmp_path):
    """Study 1.2.1 of three slices, whose names do not tell their order, and 1.2.2 of two without a bleed."""
    return write_challenge(tmp_path, {FIRST: ["ID_c2", "ID_a1", "ID_b3"], SECOND: ["ID_d4", "ID_e5"]})


def names(study):
    return [ref.path.stem for ref in study.modalities["image"].images]


def edit(path, **elements):
    ds = pydicom.dcmread(path)
    for keyword, value in elements.items():
        setattr(ds, keyword, value)
    ds.save_as(path)


def append(root, *rows):
    with (root / "stage_2_train.csv").open("a") as file:
        file.write("\n".join(rows) + "\n")


def test_studies_and_order_come_from_the_headers(root):
    first, second = studies = read(root)
    check_studies(studies)
    assert [(s.study_id, s.patient_id) for s in studies] == [(FIRST, "p_1"), (SECOND, "p_2")]
    assert (names(first), names(second)) == (["ID_c2", "ID_a1", "ID_b3"], ["ID_d4", "ID_e5"])
    files = first.modalities["image"]
    assert (files.order.source, files.order.spacing_mm, files.unit) == ("position", 5.0, "HU")
    assert first.problems == second.problems == ()


def test_labels_stand_at_their_slices(root):
    first, second = read(root)
    assert set(first.labels) == set(first.slice_labels["image"]) == set(FINDINGS)
    assert first.slice_labels["image"]["subdural"] == first.slice_labels["image"]["any"] == (0, 1, 0)
    assert first.slice_labels["image"]["epidural"] == (0, 0, 0)
    assert {finding for finding, label in first.labels.items() if label == 1} == {"subdural", "any"}
    assert set(second.labels.values()) == {0.0}


def test_rows_that_stand_twice_count_once_and_are_counted(root, caplog):
    append(root, "ID_a1_any,1", "ID_d4_any,0")
    with caplog.at_level(logging.WARNING, logger="mmdx"):
        first, _ = read(root)
    assert first.slice_labels["image"]["any"] == (0, 1, 0)
    assert [r.getMessage() for r in caplog.records] == [
        f"{root / 'stage_2_train.csv'}: 2 rows repeat others and count once"
    ]


def test_rows_that_contradict_each_other_are_named_and_unknown(root, caplog):
    append(root, "ID_d4_any,1", "ID_b3_subdural,1")
    first, second = read(root)
    assert math.isnan(second.slice_labels["image"]["any"][0])
    assert math.isnan(second.labels["any"])
    assert second.problems == ("rows of stage_2_train.csv contradict each other, labels unknown: ID_d4_any",)
    assert first.labels["subdural"] == 1.0
    assert "contradict each other, labels unknown: ID_b3, ID_d4" in caplog.text


def test_files_without_rows_are_unknown_and_named(root):
    write_ct(root / "stage_2_train" / "ID_f6.dcm", np.zeros((4, 4)), instance=3, study=SECOND, series=f"{SECOND}.1")
    edit(root / "stage_2_train" / "ID_f6.dcm", PatientID="p_2")
    _, second = read(root)
    assert np.isnan(second.slice_labels["image"]["any"]).tolist() == [False, False, True]
    assert math.isnan(second.labels["any"])
    assert second.problems == (
        "1 image(s) without all six labels in stage_2_train.csv; what is missing is unknown (ID_f6)",
    )


def test_rows_without_files_are_named(root):
    append(root, *(f"ID_{k}_any,1" for k in range(5)))
    studies = read(root)
    check_studies(studies)
    assert studies[-1].study_id == "stage_2_train.csv: rows without a file"
    assert studies[-1].problems == ("5 image(s) have rows and no file in stage_2_train/: ID_0, ID_1, ID_2 and 2 more",)


def test_images_that_were_kept_out_count_for_the_study(root):
    cut = root / "stage_2_train" / "ID_a1.dcm"
    cut.write_bytes(cut.read_bytes()[:-2])
    first, _ = read(root)
    assert names(first) == ["ID_c2", "ID_b3"]
    assert (first.labels["any"], first.slice_labels["image"]["any"]) == (1.0, (0, 0))
    assert first.problems == (
        "left out 1 file(s): truncated: 32 bytes of pixels expected, 30 left in the file (ID_a1.dcm)",
    )


def test_a_second_series_is_kept_out_and_counts(root):
    edit(root / "stage_2_train" / "ID_a1.dcm", SeriesInstanceUID="1.2.1.9")
    first, _ = read(root)
    assert names(first) == ["ID_c2", "ID_b3"]
    assert first.labels["any"] == 1.0
    assert any("kept out 1 image(s)" in problem and "ID_a1.dcm" in problem for problem in first.problems)


def test_a_study_of_which_nothing_is_left_keeps_its_labels(root):
    for name in ("ID_d4", "ID_e5"):
        path = root / "stage_2_train" / f"{name}.dcm"
        path.write_bytes(path.read_bytes()[:-2])
    _, second = studies = read(root)
    check_studies(studies)
    assert (second.modalities, second.slice_labels, second.labels["any"]) == ({}, {}, 0.0)


def test_files_that_cannot_be_read_are_studies_that_say_why(root, tmp_path):
    (root / "stage_2_train" / "ID_a1.dcm").write_bytes(b"junk")
    edit(root / "stage_2_train" / "ID_d4.dcm", StudyInstanceUID="")
    outside = write_ct(tmp_path.parent / "9.dcm", np.zeros((4, 4)), instance=1, study="1.9", series="1.9.1")
    (root / "stage_2_train" / "ID_e5.dcm").unlink()
    (root / "stage_2_train" / "ID_e5.dcm").symlink_to(outside)
    studies = read(root)
    check_studies(studies)
    lost = {study.study_id: study.problems[0] for study in studies if not study.modalities}
    assert lost == {
        "ID_a1.dcm": "ID_a1.dcm: not a DICOM file (no DICM mark after the first 128 bytes)",
        "ID_d4.dcm": "ID_d4.dcm: no StudyInstanceUID, so nothing says whose it is",
        "ID_e5.dcm": f"ID_e5.dcm: a link out of {root}; copy the file in",
    }


def test_old_12_bit_files_are_repaired(root):
    stored = np.array([[3096, 40, 0, 1000]] * 4, dtype=np.uint16)
    for name in ("ID_c2", "ID_a1", "ID_b3"):
        path = root / "stage_2_train" / f"{name}.dcm"
        edit(path, BitsStored=12, HighBit=11, PixelRepresentation=0, RescaleIntercept=0, PixelData=stored.tobytes())
    first, second = read(root)
    assert decode(first.modalities["image"], 4).pixels[0, 0, 0].tolist() == [-1000, 40, 0, 1000]
    assert decode(second.modalities["image"], 4).pixels[1, 0, 0].tolist() == [2, 2, 2, 2]


def test_the_test_part_has_no_labels(tmp_path):
    root = write_challenge(tmp_path, {FIRST: ["ID_b1", "ID_a2"]}, part="test")
    (study,) = studies = read(root, part="test")
    check_studies(studies)
    assert names(study) == ["ID_b1", "ID_a2"]
    assert all(map(math.isnan, study.labels.values()))
    assert all(map(math.isnan, study.slice_labels["image"]["any"]))
    assert study.problems == ()


def test_places_of_images(root):
    cut = root / "stage_2_train" / "ID_a1.dcm"
    cut.write_bytes(cut.read_bytes()[:-2])
    (root / "stage_2_train" / "ID_e5.dcm").write_bytes(b"junk")
    assert image_places(root) == {
        "ID_c2": (FIRST, 0),
        "ID_a1": (FIRST, None),
        "ID_b3": (FIRST, 1),
        "ID_d4": (SECOND, 0),
    }


def test_other_files_are_left_out_and_counted(root, caplog):
    (root / "stage_2_train" / "notes.txt").write_text("x")
    assert len(read(root)) == 2
    assert "1 files are no images and were left out: notes.txt" in caplog.text


def test_several_processes_read_the_same(root, monkeypatch):
    alone = read(root)
    monkeypatch.setattr(exams, "FILES_PER_WORKER", 2)
    monkeypatch.setattr(exams.os, "cpu_count", lambda: 2)
    assert [(s.study_id, s.labels, s.modalities) for s in read(root)] == [
        (s.study_id, s.labels, s.modalities) for s in alone
    ]


def test_the_wrong_folder_is_told(root, tmp_path):
    with pytest.raises(DataError, match=r"stage_2_train.csv: no such table"):
        read(tmp_path / "none")
    with pytest.raises(DataError, match=r"stage_2_sample_submission.csv: no such table"):
        read(root, part="test")
    for path in (root / "stage_2_train").iterdir():
        path.unlink()
    with pytest.raises(DataError, match=r"no ID_<hex>.dcm in it"):
        read(root)
