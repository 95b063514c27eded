from __future__ import annotations

import pytest
from PIL import Image

from mmdx.data.images.plain_folders import plain_study, stem, studies_in_folders
from mmdx.errors import DataError


@pytest.mark.parametrize(
    ("name", "short"), [("a/b.PNG", "b"), ("v.nii.gz", "v"), ("x.dcm", "x"), ("1.2.840", "1.2.840"), (".png", ".png")]
)
def test_a_name_without_the_suffix_of_an_image(name, short):
    assert stem(name) == short


def test_folders_and_images_beside_them_are_studies(tmp_path):
    for name in ("p1/a/1.png", "p1/a/2.png", "p1/b/1.png", "lone.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8)).save(tmp_path / name)
    studies = studies_in_folders(tmp_path, "cxr", ["metadata.csv"])
    assert [(s.study_id, s.patient_id) for s in studies] == [("lone", "lone"), ("p1/a", "p1"), ("p1/b", "p1")]
    assert [len(s.modalities["cxr"].images) for s in studies] == [1, 2, 1]


def test_a_table_below_and_a_folder_without_images_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"no image in it and no metadata\.csv"):
        studies_in_folders(tmp_path, "image", ["metadata.csv"])
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "metadata.csv").write_text("a\n")
    with pytest.raises(DataError, match="the table stands below"):
        studies_in_folders(tmp_path, "image", ["metadata.csv"])


def test_an_image_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "a.png").write_bytes(b"no image")
    study = plain_study("a", "a", tmp_path / "a.png", tmp_path, "image")
    assert (study.modalities, len(study.problems)) == ({}, 1)


def test_folders_are_found_however_deep_they_lie(deep_folder, tmp_path):
    Image.new("L", (8, 8)).save(deep_folder / "a.png")
    (study,) = studies_in_folders(tmp_path / "root", "cxr", ["metadata.csv"])
    assert len(study.modalities["cxr"].images) == 1
