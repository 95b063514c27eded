from __future__ import annotations

import json
import math
import unicodedata
from pathlib import Path

import nibabel
import numpy as np
import pytest
from PIL import Image

from mmdx.data.readers.folder import read
from mmdx.data.store.check import check_studies
from mmdx.errors import DataError


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "cohort"
    for name in ("a/1.png", "a/2.png", "a/10.png", "b/1.png", "c.png", "colour.jpg"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB" if name == "colour.jpg" else "L", (8, 8)).save(root / name)
    return root


def table(root, text: str, name: str = "metadata.csv"):
    (root / name).write_text(text, encoding="utf-8")
    return root


def names(study, modality: str = "image") -> list[str]:
    return [ref.path.name for ref in study.modalities[modality].images]


def test_one_image_a_row(root):
    rows = "file_name,report,bleed,fracture,age\na/1.png,Fell.,1,,61\ncolour.jpg, ,0,1,\n"
    first, second = studies = read(table(root, rows))
    check_studies(studies)
    assert [(s.study_id, s.patient_id, s.split) for s in studies] == [("1", "1", None), ("colour", "colour", None)]
    assert first.modalities["report"] == "Fell."
    assert "report" not in second.modalities
    assert first.labels["bleed"] == 1.0
    assert math.isnan(first.labels["fracture"])
    assert (first.traits, second.traits) == ({"age": 61.0}, {})
    assert (first.modalities["image"].channels, second.modalities["image"].channels) == (1, 3)
    assert first.modalities["image"].order.source == "given"


@pytest.mark.parametrize("cell", ['"[""a/2.png"", ""a/1.png""]"', "a/2.png; a/1.png"])
def test_a_listed_order_is_kept(root, cell):
    (study,) = read(table(root, f"study_id,file_names\ns1,{cell}\n"))
    assert names(study) == ["2.png", "1.png"]
    assert study.modalities["image"].order.source == "given"


@pytest.mark.parametrize("column", ["folder", "file_name"])
def test_a_folder_stands_in_natural_order(root, column):
    (study,) = read(table(root, f"{column}\na\n"))
    assert study.study_id == "a"
    assert names(study) == ["1.png", "2.png", "10.png"]
    assert study.modalities["image"].order.source == "filename"
    assert study.modalities["image"].order.gaps == (1,)


def test_several_named_modalities(root):
    rows = [
        {"study_id": 7, "clinic_file_name": "c.png", "derm_file_names": ["a/1.png", "a/2.png"], "melanoma": True},
        {"study_id": 8, "clinic_file_name": None, "derm_file_names": ["b/1.png"], "melanoma": None},
    ]
    first, second = read(table(root, "".join(json.dumps(row) + "\n" for row in rows), "metadata.jsonl"))
    assert (names(first, "clinic"), names(first, "derm")) == (["c.png"], ["1.png", "2.png"])
    assert sorted(second.modalities) == ["derm"]
    assert first.labels == {"melanoma": 1.0}
    assert math.isnan(second.labels["melanoma"])


def test_without_file_columns_folders_are_called_like_studies(root):
    first, second = read(table(root, "study_id,report\na,Fell.\nz,Fit.\n"), modality="ct")
    assert names(first, "ct") == ["1.png", "2.png", "10.png"]
    assert sorted(second.modalities) == ["report"]
    assert second.problems == ("no folder is called 'z'; read without images",)


def test_patients_and_splits(root):
    rows = "study_id,patient_id,split,file_name\ns1,p,valid,a/1.png\ns2,p,validation,a/2.png\ns3,q,,c.png\n"
    studies = read(table(root, rows))
    assert [(s.patient_id, s.split) for s in studies] == [("p", "val"), ("p", "val"), ("q", None)]


def test_findings_by_name_leave_the_rest_as_traits(root):
    (study,) = read(table(root, "file_name,smoker,bleed\nc.png,1,0\n"), findings=("bleed",))
    assert study.labels == {"bleed": 0.0}
    assert study.traits == {"smoker": 1.0}


def test_pages_of_a_file_are_images(root):
    pages = [Image.new("L", (8, 8)) for _ in range(3)]
    pages[0].save(root / "b" / "1.tif", save_all=True, append_images=pages[1:])
    (root / "b" / "1.png").unlink()
    (study,) = read(table(root, "folder\nb\n"))
    assert [ref.frame for ref in study.modalities["image"].images] == [0, 1, 2]


@pytest.mark.parametrize(
    ("cell", "problem"),
    [
        ("a/1.png;a/3.png", "metadata.csv, row 2, column 'file_names': no file 'a/3.png'"),
        ("a/1.png;../secret.png", "'../secret.png' leaves"),
        ("a/1.png;/etc/hosts", "'/etc/hosts' is absolute"),
        ("a/1.png;/etc/hosts", " or give allow_outside=true"),
        ("a/1.png;out.png", "'out.png' leaves"),
        ("a/1.png;broken.png", "broken.png: "),
        ("a/1.png;b", "'b' is a folder among files"),
        ("empty", "holds no image"),
    ],
)
def test_a_study_with_an_unusable_file_is_refused_whole(root, cell, problem):
    (root.parent / "secret.png").write_bytes(b"x")
    (root / "out.png").symlink_to(root.parent / "secret.png")
    (root / "broken.png").write_bytes(b"no image")
    (root / "empty").mkdir()
    bad, good = studies = read(table(root, f"study_id,file_names,report\ns1,{cell},Fell.\ns2,c.png,Fit.\n"))
    check_studies(studies)
    assert bad.modalities == {}
    assert problem in bad.problems[0]
    assert sorted(good.modalities) == ["image", "report"]


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ("file_name,any\nc.png,1\na/1.png,yes\na/2.png,0\n", "row 3, column 'any': label is 'yes'"),
        ("file_name,any\nc.png,1\na/1.png,-1\n", "row 3, column 'any': label is '-1', the mark of an uncertain one"),
        ("file_name,split\nc.png,holdout\n", "row 2, column 'split': split is 'holdout'"),
        ("file_name\na/1.png\nb/1.png\n", "row 3: study '1' has a row already"),
        ("file_name,patient_id\nc.png,\n", "row 2, column 'patient_id': is empty"),
        ("report\nFell.\n", "no column 'study_id'"),
        ("file_name,report\n,Fell.\n", "row 2, column 'study_id': is empty"),
        ("file_name,folder\nc.png,a\n", "columns 'file_name' and 'folder' both give the images of 'image'"),
        ("report_file_name\nc.png\n", "column 'report_file_name': reports stand as text"),
        ('file_names\n"[""c.png"""\n', "row 2, column 'file_names': not a JSON list"),
        ('file_names\n"[1]"\n', "row 2, column 'file_names': file names must be text"),
    ],
)
def test_a_bad_table_is_refused_at_its_place(root, rows, problem):
    with pytest.raises(DataError) as error:
        read(table(root, rows))
    assert problem in str(error.value)


def test_a_missing_finding_and_two_tables_are_told(root):
    with pytest.raises(DataError, match="no column 'blood'"):
        read(table(root, "file_name,bleed\nc.png,1\n"), findings=("blood",))
    table(root, "{}", "metadata.jsonl")
    with pytest.raises(DataError, match="keep one"):
        read(root)


def test_an_empty_row_is_refused_and_named(root):
    (study,) = read(table(root, "study_id,file_name\ns1,\n"))
    assert study.modalities == {}
    assert study.problems[0].endswith("row 2: neither images nor a report; add one or drop the row")


def test_a_tree_without_a_table(root):
    (root / "b" / "inner").mkdir()
    Image.new("L", (8, 8)).save(root / "b" / "inner" / "5.png")
    studies = {s.study_id: s for s in read(root)}
    assert {name: s.patient_id for name, s in studies.items()} == {
        **{"c": "c", "colour": "colour", "a": "a"},
        **{"b": "b", "b/inner": "b"},
    }
    assert len(studies["a"].modalities["image"].images) == 3
    assert all(s.labels == {} for s in studies.values())


def test_a_folder_of_nothing_but_images_is_one_study(root):
    (root / "a" / "notes.txt").write_text("x")
    (study,) = read(root / "a")
    assert (study.study_id, names(study)) == ("a", ["1.png", "2.png", "10.png"])
    assert study.problems == ("left out notes.txt: no image",)


def test_a_single_file_is_one_study(root):
    (study,) = read(root / "c.png")
    assert (study.study_id, names(study)) == ("c", ["c.png"])


def test_an_unreadable_image_without_a_table_is_a_refused_study(root):
    (root / "a" / "3.png").write_bytes(b"no image")
    refused = [s for s in read(root) if not s.modalities]
    assert [s.study_id for s in refused] == ["a"]
    assert "3.png" in refused[0].problems[0]


def test_nothing_to_read_is_told(root, tmp_path):
    (tmp_path / "void").mkdir()
    with pytest.raises(DataError, match="no image in it"):
        read(tmp_path / "void")
    with pytest.raises(DataError, match="no such folder"):
        read(tmp_path / "nowhere")
    with pytest.raises(DataError, match="to read bleed from"):
        read(root, findings=("bleed",))
    table(root / "a", "file_name\n1.png\n")
    with pytest.raises(DataError, match="the table stands below"):
        read(root)


def test_a_row_may_name_a_volume(tmp_path):
    volume = nibabel.Nifti1Image(np.zeros((4, 4, 3), np.int16), np.diag([1, 1, 5, 1]))
    (tmp_path / "p1").mkdir()
    nibabel.save(volume, tmp_path / "p1" / "p1_flair.nii.gz")
    nibabel.save(volume, tmp_path / "p1" / "p1_t1.nii")
    rows = "flair_file_name,t1_file_name\np1/p1_flair.nii.gz,p1/p1_t1.nii\n"
    (study,) = read(table(tmp_path, rows))
    assert (study.study_id, study.problems) == ("p1_flair", ())
    assert {name: (len(f.images), f.order.spacing_mm) for name, f in study.modalities.items()} == {
        "flair": (3, 5.0),
        "t1": (3, 5.0),
    }


def test_a_volume_may_be_read_alone(tmp_path):
    nibabel.save(nibabel.Nifti1Image(np.zeros((4, 4, 3), np.int16), np.eye(4)), tmp_path / "p1.nii.gz")
    for root in (tmp_path / "p1.nii.gz", tmp_path):
        (study,) = read(root)
        assert len(study.modalities["image"].images) == 3
    assert read(tmp_path / "p1.nii.gz")[0].study_id == "p1"


def test_a_study_date_becomes_a_day_and_one_that_is_none_is_named(root):
    rows = (
        "study_id,patient_id,file_name,study_date\ns1,p,a/1.png,2020-03-01\ns2,p,a/2.png,20200201\ns3,q,c.png,spring\n"
    )
    studies = read(table(root, rows))
    assert [dict(study.traits) for study in studies] == [{"day": 29.0}, {"day": 0.0}, {}]
    (problem,) = studies[2].problems
    assert problem.endswith("metadata.csv, row 4, column 'study_date': no date such as 2020-01-31; left out")
    assert "spring" not in problem


def test_without_patient_id_patients_are_unknown(root):
    assert not any(study.patient_known for study in read(table(root, "file_name\nc.png\ncolour.jpg\n")))
    assert all(study.patient_known for study in read(table(root, "file_name,patient_id\nc.png,p\n")))


def test_a_flat_folder_is_never_silently_one_study(root, caplog):
    (study,) = read(root / "a")
    assert len(study.modalities["image"].images) == 3
    assert not study.patient_known
    assert "its 3 images were read as slices of one study of one patient; if each is a study, give each" in caplog.text
    each = read(root / "a", study="image")
    assert [study.study_id for study in each] == ["1.png", "10.png", "2.png"]
    assert not any(study.patient_known for study in each)


def test_a_table_of_another_name_is_named_and_can_be_read(root, caplog):
    table(root, "file_name;bleed\n1.png;1\n2.png;0\n", "labels.csv")
    read(root)
    assert "labels.csv not read; a table of studies is called metadata.jsonl or metadata.csv" in caplog.text
    studies = read(root, table=Path("labels.csv"), separator=";", image_root=Path("a"))
    assert [study.labels["bleed"] for study in studies] == [1.0, 0.0]
    with pytest.raises(DataError, match="image_root=none: no such folder"):
        read(root, table=Path("labels.csv"), separator=";", image_root=Path("none"))
    with pytest.raises(DataError, match=r"the header has no comma; .* or say separator=';'"):
        read(root, table=Path("labels.csv"))


def test_files_elsewhere_are_read_on_request_alone(root, tmp_path):
    away = tmp_path / "away"
    away.mkdir()
    Image.new("L", (8, 8)).save(away / "x.png")
    (root / "link.png").symlink_to(away / "x.png")
    (root / "linked").symlink_to(away)
    rows = f"study_id,file_name\n1,{away / 'x.png'}\n2,link.png\n3,linked\n4,../away/x.png\n"
    held = read(table(root, rows))
    assert [study.modalities for study in held] == [{}] * 4
    assert [names(study) for study in read(root, allow_outside=True)] == [["x.png"], ["link.png"], ["x.png"], ["x.png"]]
    (root / "metadata.csv").unlink()
    with pytest.raises(DataError, match="to read links from"):
        read(root, allow_outside=True)


def test_backslashes_are_read_as_slashes_and_lead_nowhere_else(root):
    first, second = read(table(root, "file_name\na\\1.png\n..\\out.png\n"))
    assert (first.study_id, names(first)) == ("1", ["1.png"])
    assert second.modalities == {}
    assert "leaves" in second.problems[0]
    (drive,) = read(table(root, "file_name\nC:\\x\\1.png\n"))
    assert "is absolute" in drive.problems[0]


def test_usual_names_are_suggested(root, caplog):
    with pytest.raises(DataError, match=r"column 'image_path' names files; did you mean 'file_name'\? rename it"):
        read(table(root, "study_id,image_path\ns,c.png\n"))
    with pytest.raises(DataError, match=r"no column 'study_id' or 'file_name'; did you mean 'StudyInstanceUID'\?"):
        read(table(root, "StudyInstanceUID,age\n1,3\n"))
    read(table(root, "file_name,PatientID\nc.png,p\n"))
    assert "column 'PatientID' is not read as 'patient_id'; if it is meant so, rename it" in caplog.text


def test_a_table_in_another_encoding(root):
    (root / "metadata.csv").write_bytes("file_name,report\nc.png,Größe\n".encode("latin-1"))
    assert read(root, encoding="latin-1")[0].modalities["report"] == "Größe"
    with pytest.raises(DataError, match=r"not UTF-8 at byte .*, or say its encoding, as encoding=latin-1 does"):
        read(root)
    with pytest.raises(DataError, match="encoding 'klingon' is none; say utf-8, latin-1"):
        read(root, encoding="klingon")


def test_labels_in_words_and_classes(root):
    text = "file_name,bleed,kind\nc.png,yes,A\ncolour.jpg,no,b c\n"
    told = {"bleed": {"yes": 1, "no": 0}, "kind": "classes"}
    first, second = studies = read(table(root, text), labels=told)
    check_studies(studies)
    assert first.labels == {"bleed": 1.0, "kind/A": 1.0, "kind/b c": 0.0}
    assert second.labels == {"bleed": 0.0, "kind/A": 0.0, "kind/b c": 1.0}
    assert first.traits == {}


def test_one_patient_by_two_spellings_of_an_accent(root):
    joined, apart = (unicodedata.normalize(form, "José") for form in ("NFC", "NFD"))
    (root / "a").rename(root / unicodedata.normalize("NFD", "é1"))
    rows = f"study_id,patient_id,bleed\n{unicodedata.normalize('NFC', 'é1')},{joined},1\nb,{apart},0\n"
    first, second = read(table(root, rows))
    assert first.patient_id == second.patient_id == joined
    assert names(first) == ["1.png", "2.png", "10.png"]


def test_two_folders_that_look_the_same_are_refused(root):
    for form in ("NFC", "NFD"):
        (root / unicodedata.normalize(form, "é1")).mkdir()
    with pytest.raises(DataError, match="looks the same and spells its accents otherwise"):
        read(table(root, "study_id,bleed\na,1\n"))
