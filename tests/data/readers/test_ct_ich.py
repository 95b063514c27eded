from __future__ import annotations

import math

import pytest
from PIL import Image

from mmdx.data.readers.ct_ich import FINDINGS, read
from mmdx.data.store.check import check_studies
from mmdx.errors import DataError
from mmdx.study import Box

DIAGNOSIS = """PatientNumber,SliceNumber,\
Intraventricular,Intraparenchymal,Subarachnoid,Epidural,Subdural,No_Hemorrhage,Fracture_Yes_No
50,1,0,0,0,0,0,1,0
50,2,0,1,0,0,0,0,0
50,10,0,0,0,0,0,1,1
51,1,0,0,0,0,0,1,0
51,2,0,0,0,0,0,1,0
51,3,0,0,0,1,0,0,0
"""
DEMOGRAPHICS = """Patient Number,"Age
(years)",Gender,Subdural,Fracture (Yes/No),Condition on file,Note
,,,Subdural,,,
50,0.5,Female,,1.0,Intracranial HGE ,
51,44,Male,,,,
"""
BOXES = """PatientNumber,SliceNumber,label,x0,y0,x1,y1
50,2,IPH,1.5,2,3,4.5
50,1,SDH,1,1,2,2
51,3,EDH,1,1,2,2
"""


@pytest.fixture
def root(tmp_path):
    for patient, slices in {"050": (1, 2, 10), "051": (1, 2)}.items():
        for window in ("brain", "bone"):
            folder = tmp_path / "Patients_CT" / patient / window
            folder.mkdir(parents=True)
            for number in slices:
                Image.new("L", (8, 8)).save(folder / f"{number}.jpg")
    (tmp_path / "hemorrhage_diagnosis.csv").write_text(DIAGNOSIS)
    (tmp_path / "patient_demographics.csv").write_text(DEMOGRAPHICS)
    (tmp_path / "boxes.csv").write_text(BOXES)
    return tmp_path


def test_a_study_is_a_patient_with_two_windows(root):
    first, second = studies = read(root)
    check_studies(studies)
    assert [(s.study_id, s.patient_id) for s in studies] == [("050", "050"), ("051", "051")]
    assert sorted(first.modalities) == ["bone", "brain"]
    brain = first.modalities["brain"]
    assert [ref.path.name for ref in brain.images] == ["1.jpg", "2.jpg", "10.jpg"]
    assert (brain.unit, brain.channels) == ("intensity", 1)
    assert (brain.order.source, brain.order.gaps) == ("filename", (1,))
    assert first.traits == {"age": 0.5, "sex": "Female"}
    assert second.traits == {"age": 44.0, "sex": "Male"}


def test_labels_of_slices_and_study(root):
    first, _ = read(root)
    for window in ("brain", "bone"):
        assert first.slice_labels[window]["intraparenchymal"] == (0.0, 1.0, 0.0)
        assert first.slice_labels[window]["any"] == (0.0, 1.0, 0.0)
        assert first.slice_labels[window]["fracture"] == (0.0, 0.0, 1.0)
    assert {f for f, value in first.labels.items() if value == 1.0} == {"intraparenchymal", "any", "fracture"}
    assert set(first.labels) == set(FINDINGS)
    assert set(first.labels.values()) == {0.0, 1.0}


def test_a_labelled_slice_without_an_image_counts_and_is_named(root):
    _, second = read(root)
    assert (second.labels["epidural"], second.labels["any"]) == (1.0, 1.0)
    assert second.slice_labels["brain"]["epidural"] == (0.0, 0.0)
    assert second.problems == (
        "brain: labelled slices without an image: 3",
        "bone: labelled slices without an image: 3",
        "boxes dropped on slices without a brain image: 3",
    )
    assert second.boxes == ()


def test_boxes_stand_on_the_index_of_their_slice(root):
    first, _ = read(root)
    assert first.boxes == (
        Box("brain", 1, "intraparenchymal", 1.5, 2.0, 3.0, 4.5),
        Box("brain", 0, "subdural", 1.0, 1.0, 2.0, 2.0),
    )
    assert first.problems == ("boxes of a type that the slice labels deny, kept: slices 1",)


def test_boxes_are_optional(root):
    (root / "boxes.csv").unlink()
    assert [s.boxes for s in read(root)] == [(), ()]


def test_the_condition_on_file_is_a_report_only_on_demand(root):
    assert all("report" not in s.modalities for s in read(root))
    first, second = read(root, report=True)
    assert first.modalities["report"] == "Intracranial HGE"
    assert "report" not in second.modalities


def test_names_of_later_releases_and_masks(root):
    (root / "hemorrhage_diagnosis.csv").rename(root / "hemorrhage_diagnosis_raw_ct.csv")
    (root / "patient_demographics.csv").rename(root / "Patient_demographics.csv")
    Image.new("L", (8, 8)).save(root / "Patients_CT" / "050" / "brain" / "2_HGE_Seg.jpg")
    first, _ = read(root)
    assert len(first.modalities["brain"].images) == 3
    assert first.problems == ("boxes of a type that the slice labels deny, kept: slices 1",)


def test_stray_files_and_unlabelled_slices_are_named(root):
    folder = root / "Patients_CT" / "050" / "bone"
    (folder / "notes.txt").write_text("x")
    Image.new("L", (8, 8)).save(folder / "3.jpg")
    first, _ = read(root)
    assert "left out bone/notes.txt: its name is no slice number" in first.problems
    assert "bone: images without labels: 3" in first.problems
    assert math.isnan(first.slice_labels["bone"]["any"][2])


def test_a_patient_without_a_window_or_a_folder(root):
    for path in (root / "Patients_CT" / "050" / "bone").iterdir():
        path.unlink()
    for path in sorted((root / "Patients_CT" / "051").rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    (root / "Patients_CT" / "051").rmdir()
    first, second = studies = read(root)
    check_studies(studies)
    assert sorted(first.modalities) == ["brain"]
    assert "no slices in bone/" in first.problems
    assert second.modalities == {}
    assert second.problems == ("no folder Patients_CT/051, though the tables list the patient, 3 slices labelled",)


def test_unknown_and_contradicting_labels(root):
    lines = DIAGNOSIS.splitlines()
    lines[1] = "50,1,,,,,,,"
    lines[2] = "50,2,0,1,0,0,0,1,0"
    lines[3] = "50,10,0,0,0,0,0,0,1"
    (root / "hemorrhage_diagnosis.csv").write_text("\n".join(lines))
    first, _ = read(root)
    assert math.isnan(first.slice_labels["brain"]["any"][0])
    assert first.slice_labels["brain"]["any"][1:] == (1.0, 1.0)
    assert math.isnan(first.labels["subdural"])
    assert first.labels["any"] == 1.0
    assert first.problems[:2] == (
        "slice 2: a type of bleed and No_Hemorrhage are both marked; the type counts",
        "slice 10: marked as a bleed, but of no type; it counts towards any",
    )


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("50,2,0,1", "50,2,0,2", "row 3, column 'Intraparenchymal': label is '2'"),
        ("50,2,0,1", "50,x,0,1", "row 3, column 'SliceNumber': expected a whole number, found 'x'"),
        ("50,2,0,1", "50,1,0,1", "row 3: slice 1 of patient 50 has a row already; keep one"),
        ("No_Hemorrhage", "Healthy", "no column 'No_Hemorrhage'"),
    ],
)
def test_a_bad_diagnosis_is_refused_at_its_place(root, old, new, problem):
    (root / "hemorrhage_diagnosis.csv").write_text(DIAGNOSIS.replace(old, new))
    with pytest.raises(DataError) as error:
        read(root)
    assert problem in str(error.value)


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("50,2,XYZ,1,1,2,2", "row 2, column 'label': 'XYZ' is no lesion; use one of EDH"),
        ("50,2,EDH,1,,2,2", "row 2, column 'y0': expected a number of pixels, found ''"),
    ],
)
def test_a_bad_box_is_refused_at_its_place(root, row, problem):
    (root / "boxes.csv").write_text(f"{BOXES.splitlines()[0]}\n{row}\n")
    with pytest.raises(DataError) as error:
        read(root)
    assert problem in str(error.value)


@pytest.mark.parametrize("name", ["50", "x51"])
def test_odd_patient_folders_are_refused(root, name):
    (root / "Patients_CT" / name).mkdir()
    with pytest.raises(DataError, match=r"two folders carry one patient number|no patient number"):
        read(root)


def test_the_wrong_folder_is_told(tmp_path):
    with pytest.raises(DataError, match=r"hemorrhage_diagnosis.csv: no such table"):
        read(tmp_path)


def test_a_patient_of_one_table_alone_is_counted(root):
    (root / "patient_demographics.csv").write_text(DEMOGRAPHICS + "77,30,Male,,,,\n")
    (root / "boxes.csv").write_text(BOXES + "78,1,EDH,1,1,2,2\n")
    *known, first, second = studies = read(root)
    check_studies(studies)
    assert [s.study_id for s in known] == ["050", "051"]
    assert (first.study_id, first.modalities) == ("077", {})
    assert first.problems == ("no folder Patients_CT/077, though the tables list the patient, 0 slices labelled",)
    assert second.problems == ("no folder Patients_CT/078, though the tables list the patient, 0 slices labelled",)
    assert all(math.isnan(value) for value in first.labels.values())


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("51,45,Male,,,,", "row 5: patient 51 has a row already; keep one"),
        (",45,Male,,,,", "row 5, column 'Patient Number': expected a whole number, found ''"),
    ],
)
def test_bad_demographics_are_refused_at_their_place(root, row, problem):
    (root / "patient_demographics.csv").write_text(f"{DEMOGRAPHICS}{row}\n")
    with pytest.raises(DataError) as error:
        read(root)
    assert problem in str(error.value)


def test_what_stands_beside_the_windows_is_named(root):
    (root / "Patients_CT" / "050" / "subdural").mkdir()
    (root / "Patients_CT" / "050" / "scan.txt").write_text("x")
    first, second = read(root)
    assert first.problems[0] == "left out scan.txt, subdural: neither brain/ nor bone/"
    assert "left out" not in " ".join(second.problems)
