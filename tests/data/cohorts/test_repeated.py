"""Who of those that taught a run stands in a second cohort."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from cohorts import prepared, quiet, recipe, write_table
from PIL import Image

from mmdx.data.cohorts.repeated import find_repeated, pictured_alike
from mmdx.data.store.prepare import prepare_store
from mmdx.data.store.store import Store
from mmdx.schema import SplitOptions

IMAGES = {"image": "image"}


def cohort(root: Path, pictures: dict[str, int], *, patient: str = "p") -> Path:
    """A study of one image per name, drawn by its number."""
    rows = []
    for name, number in pictures.items():
        pixels = np.random.default_rng(number).integers(0, 255, (8, 8), dtype=np.uint8)
        root.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(root / f"{name}.png")
        rows.append({"study_id": name, "patient_id": f"{patient}{name}", "file_names": [f"{name}.png"], "bleed": 1})
    return write_table(root, rows)


def keyed(root: Path, out: Path, key: Path) -> Store:
    made = recipe(root)
    return prepare_store(
        type(made)(made.reader, made.source, made.size, key), out, SplitOptions(val=0.2, test=0.2), quiet()[0]
    )


def test_the_same_images_under_other_names_are_found_with_all_of_their_patient(tmp_path):
    first = prepared(cohort(tmp_path / "a", {f"a{n}": n for n in range(10)}), tmp_path / "first")
    second = prepared(cohort(tmp_path / "b", {"b0": 3, "b1": 50, "b2": 51}, patient="q"), tmp_path / "second")
    repeated = find_repeated(first, range(10), second, IMAGES)
    assert [second.study_ids[row] for row in repeated.rows] == ["b0"]
    assert repeated.lines == ("left out: 1 studies of 1 patients who also taught the run, found by image",)
    assert repeated.named == ("left out: b0",)
    assert not find_repeated(first, [row for row in range(10) if row != 3], second, IMAGES).rows


def test_equal_ids_without_a_key_are_named_and_stay(tmp_path):
    first = prepared(cohort(tmp_path / "a", {f"s{n}": n for n in range(10)}), tmp_path / "first")
    second = prepared(cohort(tmp_path / "b", {"s1": 50, "x": 51, "y": 52}), tmp_path / "second")
    repeated = find_repeated(first, range(10), second, IMAGES)
    assert not repeated.rows
    assert "1 patient ids stand in both cohorts: chance" in repeated.lines[0]
    assert repeated.named == ("ids in both cohorts: ps1",)


def test_equal_ids_under_one_key_are_the_same_patients(tmp_path):
    key = tmp_path / "key"
    key.write_bytes(b"k" * 32)
    first = keyed(cohort(tmp_path / "a", {f"s{n}": n for n in range(10)}), tmp_path / "first", key)
    second = keyed(cohort(tmp_path / "b", {"s1": 50, "x": 51, "y": 52}), tmp_path / "second", key)
    repeated = find_repeated(first, range(10), second, IMAGES)
    assert len(repeated.rows) == 1
    assert "1 studies of 1 patients who also taught the run, found by patient" in repeated.lines[0]
    plain = prepared(cohort(tmp_path / "c", {"s1": 50, "x": 51, "y": 52}), tmp_path / "plain")
    (line,) = find_repeated(first, range(10), plain, IMAGES).lines
    assert "cannot be seen by their ids" in line


def test_without_images_in_common_it_is_said(tmp_path):
    first = prepared(cohort(tmp_path / "a", {f"a{n}": n for n in range(10)}), tmp_path / "first")
    second = prepared(cohort(tmp_path / "b", {"b0": 3, "b1": 4, "b2": 5}, patient="q"), tmp_path / "second")
    assert find_repeated(first, range(10), second, {}).lines == (
        "no images that both hold alike, so none were compared with those of the training",
    )
    assert pictured_alike(first, {"image": "ct", "report": "note"}) == {"image": "ct"}


@pytest.mark.parametrize("grey", [0, 200])
def test_images_of_one_grey_tell_nobody(tmp_path, grey):
    root = cohort(tmp_path / "a", {f"a{n}": n for n in range(10)})
    Image.fromarray(np.full((8, 8), grey, np.uint8)).save(root / "a3.png")
    first = prepared(root, tmp_path / "first")
    other = cohort(tmp_path / "b", {"b0": 60, "b1": 61, "b2": 62}, patient="q")
    Image.fromarray(np.full((8, 8), grey, np.uint8)).save(other / "b0.png")
    assert json.loads((first.folder / "dataset.json").read_text())["studies"] == 10
    assert not find_repeated(first, range(10), prepared(other, tmp_path / "second"), IMAGES).rows
