"""CPM-RadPath in its own layout: four sequences a case, a class table, descriptors where somebody made them."""

from __future__ import annotations

import math
from pathlib import Path

import cohorts
import nibabel
import numpy as np
import pytest

from mmdx.data.readers.cpm_radpath import CLASSES, SEQUENCES, TABLE, read
from mmdx.data.store.check import check_studies
from mmdx.data.store.prepare import prepare_store
from mmdx.errors import DataError, UsageError
from mmdx.schema import SplitOptions
from mmdx.study import ImageFiles, VectorFiles

CASES = {"CPM19_CBICA_AAB_1": "G", "CPM19_CBICA_ABE_1": "A", "CPM19_TCIA01_131_1": "O"}


def write_case(root: Path, case: str, *, sequences: tuple[str, ...] = SEQUENCES, slices: int = 3) -> None:
    folder = root / "Radiology" / case
    folder.mkdir(parents=True)
    for index, sequence in enumerate(sequences):
        values = np.arange(4 * 5 * slices, dtype=np.int16).reshape(4, 5, slices) + index
        nibabel.save(nibabel.Nifti1Image(values, np.diag([-1, -1, 1, 1])), folder / f"{case}_{sequence}.nii.gz")


def write_table(root: Path, classes: dict[str, str], *, header: str = "CPM_RadPath_2019_ID,class") -> None:
    rows = [f"{case},{name}" for case, name in classes.items()]
    (root / TABLE).write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")


def write_descriptors(folder: Path, case: str, count: int = 2, width: int = 4) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / f"{case}.npy", np.full((count, width), 0.5, np.float32))
    return folder / f"{case}.npy"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "release"
    for case in CASES:
        write_case(root, case)
    write_table(root, CASES)
    return root


def test_a_case_has_four_volumes_and_one_class(root):
    studies = read(root)
    check_studies(studies)
    assert [study.study_id for study in studies] == sorted(CASES)
    for study in studies:
        assert study.patient_id == study.study_id
        assert list(study.modalities) == list(SEQUENCES)
        assert study.problems == ()
        assert study.labels == {f"class/{name}": float(name == CASES[study.study_id]) for name in CLASSES}
    t1ce = studies[0].modalities["t1ce"]
    assert isinstance(t1ce, ImageFiles)
    assert (len(t1ce.images), t1ce.order.source, t1ce.order.spacing_mm) == (3, "position", 1.0)
    assert {ref.path.name for ref in t1ce.images} == {"CPM19_CBICA_AAB_1_t1ce.nii.gz"}


def test_whole_slide_images_are_not_read_and_nothing_is_said_of_them(root):
    (root / "Pathology").mkdir()
    (root / "Pathology" / "CPM19_CBICA_AAB_1.tiff").touch()
    assert all("pathology" not in study.modalities and not study.problems for study in read(root))


@pytest.mark.parametrize("where", ["Pathology", "slides", "outside"])
def test_descriptors_are_a_modality_where_there_are_any(root, tmp_path, where):
    folder = tmp_path / "elsewhere" if where == "outside" else root / where
    path = write_descriptors(folder, "CPM19_CBICA_ABE_1")
    option = {"Pathology": None, "slides": Path("slides"), "outside": folder}[where]
    first, second, third = read(root, descriptors=option)
    assert second.modalities["pathology"] == VectorFiles((path,), 4)
    assert second.problems == ()
    for study in (first, third):
        assert "pathology" not in study.modalities
        assert study.problems == (f"no descriptors {study.study_id}.npy; read without pathology",)


def test_what_is_missing_is_named_and_the_rest_is_read(root):
    write_case(root, "CPM19_X_1", sequences=("t1", "flair"))
    (root / "Radiology" / "CPM19_X_1" / "CPM19_X_1_seg.nii.gz").touch()
    write_table(root, CASES | {"CPM19_Y_1": "G"})
    *_, partial, lost = studies = read(root)
    check_studies(studies)
    assert list(partial.modalities) == ["t1", "flair"]
    assert all(math.isnan(label) for label in partial.labels.values())
    assert partial.problems == (
        f"no row in {TABLE}; class unknown",
        "no CPM19_X_1_t1ce.nii.gz; read without t1ce",
        "no CPM19_X_1_t2.nii.gz; read without t2",
        "left out CPM19_X_1_seg.nii.gz: none of the four sequences",
    )
    assert (lost.study_id, lost.modalities, lost.labels["class/G"]) == ("CPM19_Y_1", {}, 1.0)
    assert lost.problems == ("no folder Radiology/CPM19_Y_1; read without images",)


def test_descriptors_alone_are_a_study(root):
    write_descriptors(root / "Pathology", "CPM19_Z_1")
    last = read(root)[-1]
    assert (last.study_id, list(last.modalities)) == ("CPM19_Z_1", ["pathology"])


def test_without_table_or_class_labels_are_unknown_and_it_is_said(root):
    write_table(root, dict.fromkeys(CASES, ""))
    (root / TABLE).write_text("CPM_RadPath_2019_ID\nCPM19_CBICA_AAB_1\n", encoding="utf-8")
    assert read(root)[0].problems == (f"no class in {TABLE}; its labels are unknown",)
    (root / TABLE).unlink()
    for study in read(root):
        assert all(math.isnan(label) for label in study.labels.values())
        assert study.problems == (f"no {TABLE}; the class is unknown",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("CPM_RadPath_2019_ID,class\na,B\n", r"row 2, column 'class': class is 'B'; use G, A or O"),
        ("CPM_RadPath_2019_ID,class\na,G\na,G\n", r"row 3, column 'CPM_RadPath_2019_ID': 'a' has a row already"),
        ("CPM_RadPath_2019_ID,class\n ,G\n", r"row 2, column 'CPM_RadPath_2019_ID': is empty"),
        ("CPM_RadPath_ID,class\na,G\n", r"no column 'CPM_RadPath_2019_ID'; did you mean 'CPM_RadPath_ID'"),
    ],
)
def test_a_table_that_is_wrong_is_refused_where_it_is(root, text, said):
    (root / TABLE).write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=said):
        read(root)


def test_another_folder_and_another_option_are_refused(root, tmp_path):
    with pytest.raises(DataError, match="no such folder"):
        read(tmp_path)
    with pytest.raises(UsageError, match="descriptors: no folder 'slidse'"):
        read(root, descriptors=Path("slidse"))


def test_what_cannot_be_read_refuses_its_study(root):
    write_descriptors(root / "Pathology", "CPM19_CBICA_AAB_1").write_bytes(b"no array")
    (root / "Radiology" / "CPM19_CBICA_ABE_1" / "CPM19_CBICA_ABE_1_t2.nii.gz").write_bytes(b"no volume")
    first, second, third = read(root)
    assert (first.modalities, second.modalities) == ({}, {})
    assert "no array of numpy's format" in first.problems[0]
    assert "_t2.nii.gz: " in second.problems[0]
    assert set(third.modalities) == set(SEQUENCES)


def test_a_release_becomes_a_store(root, tmp_path):
    for case, count in zip(CASES, (2, 1, 1), strict=True):
        write_descriptors(root / "Pathology", case, count, 5 if case == "CPM19_TCIA01_131_1" else 4)
    for number in range(4):
        write_case(root, f"CPM19_W{number}_1", slices=2)
    broken = root / "Radiology" / "CPM19_W3_1" / "CPM19_W3_1_flair.nii.gz"
    nibabel.save(nibabel.Nifti1Image(np.full((4, 5, 2), np.nan, np.float32), np.eye(4)), broken)
    made = cohorts.recipe(root, reader="cpm_radpath", size=8)
    store = prepare_store(made, tmp_path / "out", SplitOptions(val=0.2, test=0.2), cohorts.quiet()[0])
    assert store.study_ids == ["CPM19_CBICA_AAB_1", "CPM19_CBICA_ABE_1", "CPM19_W0_1", "CPM19_W1_1", "CPM19_W2_1"]
    assert store.lengths("flair").tolist() == [3, 3, 2, 2, 2]
    assert store.lengths("pathology").tolist() == [2, 1, 0, 0, 0]
    assert store.read(0).vectors("pathology").tolist() == [[0.5] * 4] * 2
    assert store.read(2).vectors("pathology").shape == (0, 4)
    assert store.order_source(0, "t1") == "position"
    reasons = (tmp_path / "out" / "quarantine.csv").read_text(encoding="utf-8")
    assert "CPM19_TCIA01_131_1,\"'pathology' holds vectors of width 5 here, but vectors of width 4" in reasons
    assert "CPM19_W3_1,Radiology/CPM19_W3_1/CPM19_W3_1_flair.nii.gz: voxels that are no numbers" in reasons
