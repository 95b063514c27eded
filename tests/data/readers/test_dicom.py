"""A tree of DICOM files becomes studies; nothing in it is lost without a word."""

import hashlib
import logging
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from mmdx.data.dicom.rules import SeriesRule
from mmdx.data.privacy.privacy import BURNED_IN
from mmdx.data.readers.dicom import read
from mmdx.data.store.check import check_studies
from mmdx.errors import DataError, UsageError
from mmdx.registry import READERS


def write(path, *, study="1.2.1", series="1.2.1.1", z=0.0, number=1, **elements):
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = CTImageStorage
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = generate_uid()
    values = {
        **{"StudyInstanceUID": study, "SeriesInstanceUID": series, "SeriesNumber": 1, "InstanceNumber": number},
        **{"PatientID": "p1", "PatientName": "Doe^Jane", "PatientAge": "018M", "PatientSex": "F"},
        **{"StudyDate": "20200101", "AccessionNumber": f"A{study}", "Manufacturer": "ACME", "Modality": "CT"},
        **{"ImagePositionPatient": [0.0, 0.0, float(z)], "ImageOrientationPatient": [1, 0, 0, 0, 1, 0]},
        **{"PhotometricInterpretation": "MONOCHROME2", "SamplesPerPixel": 1, "Rows": 4, "Columns": 4},
        **{"BitsAllocated": 16, "BitsStored": 16, "HighBit": 15, "PixelRepresentation": 1},
        **{"RescaleSlope": 1, "RescaleIntercept": -1024},
    }
    for keyword, value in (values | elements).items():
        if value is not None:
            setattr(ds, keyword, value)
    ds.PixelData = np.zeros((4, 4), np.int16).tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    ds.save_as(path, enforce_file_format=True)
    return path


@pytest.fixture
def tree(tmp_path):
    """Study 1.2.1 of three slices in the wrong order, study 1.2.2 of one, in folders that mean nothing."""
    for k, z in enumerate((10, 0, 5)):
        write(tmp_path / "exams" / "x" / f"{k}.dcm", z=z, number=k + 1)
    write(tmp_path / "exams" / "y" / "IM1", study="1.2.2", series="1.2.2.1", PatientID="p2")
    return tmp_path / "exams"


def test_studies_are_found_by_their_identifiers(tree):
    first, second = read(tree)
    assert (first.study_id, first.patient_id) == ("1.2.1", "p1")
    files = first.modalities["image"]
    assert [ref.path.name for ref in files.images] == ["1.dcm", "2.dcm", "0.dcm"]
    assert (files.order.source, files.order.spacing_mm, files.unit) == ("position", 5.0, "HU")
    assert (second.study_id, second.patient_id) == ("1.2.2", "p2")
    check_studies([first, second])


def test_traits_hold_neither_names_nor_dates(tree):
    traits = read(tree)[0].traits
    assert traits == {
        "age": 1.5,
        "sex": "F",
        "manufacturer": "ACME",
        "day": 0.0,
        "series_digest": traits["series_digest"],
    }


def test_dates_become_days_since_the_first_study_of_the_patient(tree):
    write(tree / "later", study="1.2.3", series="1.2.3.1", z=0, StudyDate="20200301")
    write(tree / "other", study="1.2.4", series="1.2.4.1", PatientID="p2", StudyDate="")
    studies = read(tree)
    assert [(s.study_id, s.traits.get("day")) for s in studies] == [
        ("1.2.1", 0.0),
        ("1.2.2", 0.0),
        ("1.2.3", 60.0),
        ("1.2.4", None),
    ]
    everything = repr(studies)
    assert not any(told in everything for told in ("2020", "Doe", "Jane", "A1.2.1"))


def test_images_that_may_show_a_name_are_named(tree):
    write(tree / "y" / "IM1", study="1.2.2", series="1.2.2.1", PatientID="p2", BurnedInAnnotation="YES")
    write(tree / "u", study="1.2.5", series="1.2.5.1", Modality="US")
    write(tree / "v", study="1.2.6", series="1.2.6.1", Modality="US", BurnedInAnnotation="NO")
    problems = {s.study_id: [p for p in s.problems if BURNED_IN in p] for s in read(tree)}
    assert problems == {
        "1.2.1": [],
        "1.2.2": [f"1 image(s) with BurnedInAnnotation YES {BURNED_IN}"],
        "1.2.5": [f"1 ultrasound or secondary capture image(s) {BURNED_IN}"],
        "1.2.6": [],
    }


def test_files_of_one_series_may_lie_in_two_folders(tree):
    (tree / "z").mkdir()
    (tree / "x" / "1.dcm").rename(tree / "z" / "1.dcm")
    assert [ref.path.name for ref in read(tree)[0].modalities["image"].images] == ["1.dcm", "2.dcm", "0.dcm"]


def test_options_name_the_modality_and_restrict_the_series(tree):
    write(tree / "x" / "bone.dcm", series="1.2.1.2", SeriesNumber=2, SeriesDescription="Bone")
    first, second = read(tree, modality="ct", series="bone")
    assert [ref.path.name for ref in first.modalities["ct"].images] == ["bone.dcm"]
    assert second.modalities == {}
    assert "no image to use in this study" in second.problems


def test_several_series_are_several_modalities(tree):
    write(tree / "x" / "bone.dcm", series="1.2.1.2", SeriesNumber=2, SeriesDescription="Bone")
    rules = {"bone": SeriesRule(description="bone"), "ct": SeriesRule(without=("bone",), modality="CT")}
    first, second = read(tree, modalities=rules)
    assert {name: len(files.images) for name, files in first.modalities.items()} == {"bone": 1, "ct": 3}
    assert first.modalities["ct"].order.source == "position"
    assert list(second.modalities) == ["ct"]
    assert "bone: no series that it takes" in second.problems
    check_studies([first, second])


def test_rules_for_each_series_stand_alone(tree):
    with pytest.raises(UsageError, match=r"reader.modalities: has a rule for each series; leave out series"):
        read(tree, modalities={"ct": SeriesRule(modality="CT")}, series="bone")


def test_broken_files_become_studies_that_say_why(tree):
    (tree / "junk.dcm").write_bytes(b"junk")
    (tree / "IM9").write_bytes(b"")
    write(tree / "nameless.dcm", study=None)
    studies = read(tree)
    check_studies(studies)
    lost = {s.study_id: s.problems[0] for s in studies if not s.modalities}
    assert sorted(lost) == ["IM9", "junk.dcm", "nameless.dcm"]
    assert lost["junk.dcm"] == "junk.dcm: not a DICOM file (no DICM mark after the first 128 bytes)"
    assert "neither" in lost["IM9"] or "not a DICOM" in lost["IM9"]
    assert "no StudyInstanceUID" in lost["nameless.dcm"]


def test_a_truncated_slice_is_named_at_its_study_and_leaves_a_gap(tree):
    for k, z in enumerate((15, 20), start=3):
        write(tree / "x" / f"{k}.dcm", z=z, number=k + 1)
    cut = tree / "x" / "2.dcm"
    cut.write_bytes(cut.read_bytes()[:-5])
    first = read(tree)[0]
    assert [ref.path.name for ref in first.modalities["image"].images] == ["1.dcm", "0.dcm", "3.dcm", "4.dcm"]
    assert first.modalities["image"].order.gaps == (0,)
    assert "truncated: 32 bytes of pixels expected, 27 left in the file (x/2.dcm)" in first.problems[0]


def test_other_files_are_left_out_and_counted(tree, caplog):
    for name in ("README", "notes.txt", "DICOMDIR", ".hidden.dcm", "x/labels.csv"):
        (tree / name).write_text("text")
    with caplog.at_level(logging.INFO, logger="mmdx"):
        assert len(read(tree)) == 2
    (record,) = caplog.records
    assert record.levelname == "INFO"
    # Suffixes alone: a file may be called like a patient.
    assert record.getMessage().endswith("3 files are no DICOM and were left out: others 1, .txt 1, .csv 1")
    (tree / "preview.jpg").write_bytes(b"jpg")
    caplog.clear()
    read(tree)
    assert [r.levelname for r in caplog.records] == ["WARNING"]


def test_links_out_of_the_folder_are_refused_and_named(tree, tmp_path):
    outside = write(tmp_path / "other" / "9.dcm", study="1.2.9")
    (tree / "x" / "link.dcm").symlink_to(outside)
    (tree / "folder").symlink_to(outside.parent)
    (tree / "inside").symlink_to(tree / "x")
    lost = {s.study_id: s.problems for s in read(tree) if not s.modalities}
    assert sorted(lost) == ["folder", "x/link.dcm"]
    assert all("a link out of" in problems[0] for problems in lost.values())


def test_objects_without_pictures_are_left_out_with_their_kind(tree):
    write(tree / "x" / "sr.dcm", Rows=None, Modality="SR")
    first = read(tree)[0]
    assert len(first.modalities["image"].images) == 3
    assert "left out 1 file(s): no image in it" in first.problems[0]


def test_patients_unknown_or_contradicting_are_named(tree):
    write(tree / "x" / "more.dcm", z=15, number=4, PatientID="p7")
    write(tree / "w.dcm", study="1.2.8", PatientID=None)
    first, _, third = read(tree)
    assert "2 different PatientIDs in one study; the first in the alphabet counts" in first.problems
    assert third.patient_id == "1.2.8"
    assert "no PatientID; the study counts as a patient of its own" in third.problems


def test_a_table_beside_the_files_gives_labels_and_reports(tree):
    (tree / "labels.csv").write_text("accession_number,report,bleed\nA1.2.1,Fall.,1\nA7,,0\n")
    first, second, orphan = read(tree, table=Path("labels.csv"))
    assert (first.study_id, first.modalities["report"], first.labels) == ("1.2.1", "Fall.", {"bleed": 1.0})
    assert "no row in labels.csv; its labels are unknown" in second.problems
    assert (orphan.study_id, orphan.modalities) == ("labels.csv, row 3", {})


def test_a_single_file_is_a_study(tree):
    (study,) = read(tree / "x" / "1.dcm")
    assert len(study.modalities["image"].images) == 1


def test_nothing_to_read_is_an_error(tmp_path):
    (tmp_path / "a.txt").write_text("text")
    with pytest.raises(DataError, match="no DICOM file in it"):
        read(tmp_path)
    with pytest.raises(DataError, match="no such file or folder"):
        read(tmp_path / "none")


def test_reading_twice_gives_the_same(tree):
    assert read(tree) == read(tree)
    assert READERS.get("dicom") is read


def test_the_series_is_told_by_a_digest(tmp_path):
    for name, study, series in (("a", "1.2.1", "1.2.9"), ("b", "1.2.2", "1.2.9"), ("c", "1.2.3", "1.2.8")):
        write(tmp_path / f"{name}.dcm", study=study, series=series)
    first, again, other = (study.traits["series_digest"] for study in read(tmp_path))
    assert first == again == hashlib.blake2b(b"1.2.9").hexdigest()[:16]
    assert first != other
