"""What goes into a store comes out of it; a store that is not whole is not opened."""

from __future__ import annotations

import json
import math
import multiprocessing
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import cohorts
import numpy as np
import pytest

from mmdx.data import memory
from mmdx.data.store import rows
from mmdx.data.store.prepare import prepare_store
from mmdx.data.store.store import Store, is_store
from mmdx.errors import DataError, UsageError
from mmdx.schema import SplitOptions


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cohort")
    cohorts.prepared(cohorts.folder_cohort(folder / "raw", per_patient=2), folder / "out")
    return folder / "out"


@pytest.fixture(scope="module")
def store(whole: Path) -> Store:
    return Store(whole)


@pytest.fixture
def copied(whole: Path, tmp_path: Path) -> Path:
    return shutil.copytree(whole, tmp_path / "store")


def use(folder: Path) -> None:
    """What a training does first: it opens the store and asks for the splits. Then everything is read."""
    store = Store(folder)
    assert len(store.splits) == len(store)
    for row in range(len(store)):
        store.read(row)


def refusal(folder: Path, action: Callable[[Path], object] = use) -> str:
    with pytest.raises(DataError) as caught:
        action(folder)
    assert len(caught.value.problems) == 1
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_every_study_is_there_once_and_in_order(store: Store) -> None:
    assert len(store) == 10
    assert store.study_ids == [f"s{i:02d}" for i in range(10)]
    assert store.patient_ids == [f"p{i // 2:02d}" for i in range(10)]
    assert store.findings == ("bleed",)
    assert {name: facts.kind for name, facts in store.modalities.items()} == {"image": "images", "report": "text"}


def test_labels_come_out_and_unknown_stays_unknown(store: Store) -> None:
    expected = [[0], [math.nan], *([i % 2] for i in range(2, 10))]
    assert np.array_equal(store.labels, np.array(expected, dtype=np.float32), equal_nan=True)


def test_pixels_text_traits_and_order_come_out(store: Store) -> None:
    study = store.read(5)
    assert study.pixels("image").shape == (3, 1, 8, 8)
    assert np.array_equal(study.pixels("image"), np.repeat([50, 51, 52], 64).reshape(3, 1, 8, 8))
    assert study.text("report") == "Fell 5 times."
    assert store.read(6).text("report") is None
    assert study.traits() == {"age": 45.0}
    assert store.lengths("image").tolist() == [1 + i % 3 for i in range(10)]
    assert store.order_source(5, "image") == "given"
    assert study.slice_labels("image").shape == (0, 1)


def test_pixels_are_read_only_views_of_one_place(store: Store) -> None:
    pixels = store.read(5).pixels("image")
    assert not pixels.flags.owndata
    assert not pixels.flags.writeable
    assert pixels.base is not None
    again = store.read(5).pixels("image")
    assert again.__array_interface__["data"][0] == pixels.__array_interface__["data"][0]


def test_columns_of_keeps_the_order_asked_for(tmp_path: Path) -> None:
    rows = [{"study_id": f"s{i}", "report": f"Fell {i}.", "b": i % 2, "a": 1 - i % 2} for i in range(6)]
    store = cohorts.prepared(cohorts.write_table(tmp_path / "raw", rows), tmp_path / "out")
    assert store.columns_of(("a", "b")) == [1, 0]
    assert store.columns_of(()) == []
    with pytest.raises(UsageError, match=r"data\.findings: no 'bleed' in .*known: a, b"):
        store.columns_of(("a", "bleed"))


def test_splits_keep_patients_together(store: Store) -> None:
    owners = {split: {store.patient_ids[row] for row in store.splits.rows(split)} for split in ("train", "val", "test")}
    assert store.splits.counts() == {"train": 6, "val": 2, "test": 2}
    assert not owners["train"] & owners["val"]
    assert not owners["train"] & owners["test"]
    assert not owners["val"] & owners["test"]


def test_hounsfield_units_slice_labels_and_boxes_come_out(tmp_path: Path) -> None:
    made = cohorts.recipe(tmp_path / "raw", reader="phantom", size=32, patients=6, matrix=64, prevalence=0.9)
    store = prepare_store(made, tmp_path / "out", SplitOptions(), cohorts.quiet()[0])
    studies = {study.study_id: study for study in made.read()}
    boxes = 0
    for row, name in enumerate(store.study_ids):
        stored, given = store.read(row), studies[name]
        for modality, labels in given.slice_labels.items():
            expected = np.array([labels[finding] for finding in store.findings], dtype=np.float32).T
            assert np.array_equal(stored.slice_labels(modality), expected)
            assert stored.pixels(modality).dtype == np.int16
            assert stored.pixels(modality).shape == (len(given.modalities[modality].images), 1, 32, 32)
            assert store.order_source(row, modality) == "position"
        assert stored.traits() == dict(given.traits)
        for box, source in zip(stored.boxes(), given.boxes, strict=True):
            assert (box["x0"], box["y1"]) == (source.x0 / 2, source.y1 / 2)  # 64 pixels are stored as 32
            assert (box["modality"], box["image"], box["finding"]) == (source.modality, source.image, source.finding)
            boxes += 1
    assert boxes > 0


def test_hounsfield_values_are_those_of_the_file(tmp_path: Path) -> None:
    hu = np.arange(-1000, 1560, 40, dtype=np.int16).reshape(8, 8)
    for study in range(6):
        for instance in (2, 1):
            path = tmp_path / "raw" / f"{study}" / f"{instance}.dcm"
            slice_ = hu + instance + 10 * study
            cohorts.write_ct(
                path, slice_, instance=instance, study=f"1.{study}", series=f"2.{study}", patient=f"p{study}"
            )
    made = cohorts.recipe(tmp_path / "raw", reader="dicom")
    store = prepare_store(made, tmp_path / "out", SplitOptions(), cohorts.quiet()[0])
    assert len(store) == 6
    assert store.modalities["image"].unit == "HU"
    for row in range(6):
        pixels = store.read(row).pixels("image")
        assert np.array_equal(pixels[:, 0], np.stack([hu + 1, hu + 2]) + 10 * row)
        assert store.order_source(row, "image") == "position"
        assert store.read(row).slice_labels("image").shape == (0, 0)
    assert store.labels.shape == (6, 0)


def test_a_folder_that_is_no_store(tmp_path: Path) -> None:
    assert not is_store(tmp_path)
    assert refusal(tmp_path) == f"{tmp_path}: not a finished store; make one with mmdx prepare"
    assert refusal(tmp_path / "none") == f"{tmp_path / 'none'}: not a finished store; make one with mmdx prepare"


def test_an_unfinished_store(copied: Path) -> None:
    (copied / "dataset.json").unlink()
    assert refusal(copied).endswith("its preparation did not finish; run the same mmdx prepare again")


def edit(path: Path, **changes: object) -> None:
    content = json.loads(path.read_text(encoding="utf-8")) | changes
    del content["digest"]  # as in a store of before it
    path.write_text(json.dumps(content), encoding="utf-8")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"studies": 11}, "its index holds 10 studies, not 11"),
        ({"modalities": {"ct": {"kind": "images"}}}, "index.arrow: its columns are not those of dataset.json"),
        ({"findings": ["a", "b"]}, "10 labels for 10 studies"),
        ({"format": 0}, "not a store of this version's format"),
    ],
)
def test_a_description_of_another_store_is_refused_at_once(copied: Path, changes: dict, said: str) -> None:
    edit(copied / "dataset.json", **changes)
    assert said in refusal(copied, Store)


def test_a_description_with_another_unit_is_refused_with_the_first_study(copied: Path) -> None:
    edit(copied / "dataset.json", modalities={"image": {"kind": "images", "unit": "HU", "channels": 1}})
    assert "shard-00000.arrow: its columns are not those of dataset.json" in refusal(copied)


@pytest.mark.parametrize("text", ["{", "[]"])
def test_a_description_that_is_none_is_refused(copied: Path, text: str) -> None:
    (copied / "dataset.json").write_text(text, encoding="utf-8")
    assert any(part in refusal(copied, Store) for part in ("cannot be read", "not an object"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("gone", "missing"),
        ("cut", "is damaged"),
        ("noise", "is damaged"),
        ("empty", "is damaged"),
    ],
)
@pytest.mark.parametrize("name", ["shard-00000.arrow", "index.arrow"])
def test_a_shard_or_an_index_that_is_not_whole(copied: Path, name: str, change: str, said: str) -> None:
    path = copied / name
    if change == "gone":
        path.unlink()
    elif change == "cut":
        path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    else:
        path.write_bytes(b"\x07" * 5000 if change == "noise" else b"")
    assert f"{name}: {said}" in refusal(copied)


def test_a_shard_of_the_right_length_with_noise_in_it(copied: Path) -> None:
    path = copied / "shard-00000.arrow"
    path.write_bytes(b"\x07" * path.stat().st_size)
    assert "shard-00000.arrow: is damaged" in refusal(copied)


def test_a_shard_of_another_store_of_the_same_length(copied: Path) -> None:
    path = copied / "shard-00003.arrow"
    path.write_bytes(path.read_bytes().replace(b"s03", b"s99"))
    assert "shard-00003.arrow: holds another study than index.arrow says" in refusal(copied)


def test_a_store_without_its_splits(copied: Path) -> None:
    (copied / "splits.csv").unlink()
    assert "splits.csv: no such table" in refusal(copied)


def test_a_split_changed_by_hand_counts(copied: Path) -> None:
    path = copied / "splits.csv"
    before = Store(copied).splits
    moved = before.index("train")
    patient = Store(copied).patient_ids[moved]
    path.write_text(path.read_text(encoding="utf-8").replace(f"{patient},train", f"{patient},val"), encoding="utf-8")
    store = Store(copied)
    expected = ["val" if p == patient else split for p, split in zip(store.patient_ids, before, strict=True)]
    assert list(store.splits) == expected != list(before)


def test_opening_looks_at_no_shard_and_no_split(copied: Path) -> None:
    for path in copied.iterdir():
        if path.name not in ("dataset.json", "index.arrow"):
            path.unlink()
    store = Store(copied)
    assert (len(store), store.labels.shape, store.lengths("image")[2]) == (10, (10, 1), 3)
    assert "shard-00000.arrow: missing" in refusal(copied)


def test_few_shards_stay_mapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "OPEN_SHARDS", 2)
    monkeypatch.setattr(memory, "MOST_BYTES", 0)
    store = cohorts.prepared(cohorts.folder_cohort(tmp_path / "raw"), tmp_path / "out")
    first = store.read(0).pixels("image")
    for row in range(10):
        store.read(row)
    mapped = {
        line.split()[-1] for line in Path("/proc/self/maps").read_text().splitlines() if f"{tmp_path}/out/shard" in line
    }
    # The last two, and the one that somebody still looks at.
    assert {Path(path).name for path in mapped} == {f"shard-{i:05d}.arrow" for i in (0, 8, 9)}
    assert first[0, 0, 0, 0] == 0


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_other_processes_read_the_same_store(store: Store, method: str) -> None:
    # A process that is spawned can import what lies in `tests/`, and no test module.
    assert cohorts.first_pixel(store, 0) == 0
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.starmap(cohorts.first_pixel, [(store, row) for row in range(10)]) == [10 * row for row in range(10)]


def test_a_store_travels_without_what_it_has_read(store: Store) -> None:
    assert len(store.study_ids) == 10
    assert len(pickle.dumps(store)) < 500
    assert pickle.loads(pickle.dumps(store)).splits == store.splits


def rewrite_splits(folder: Path, old: str, new: str) -> None:
    path = folder / "splits.csv"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_a_patient_in_two_splits_by_hand_is_refused(copied: Path) -> None:
    split = Store(copied).splits[0]
    other = "val" if split == "train" else "train"
    rewrite_splits(copied, f"s00,p00,{split}", f"s00,p00,{other}")
    assert "patient 'p00' is in 2 splits" in refusal(copied)
    assert "(study 's00')" in refusal(copied)


def test_a_patient_renamed_by_hand_does_not_hide_it(copied: Path) -> None:
    split = Store(copied).splits[0]
    rewrite_splits(copied, f"s00,p00,{split}", f"s00,p99,{'val' if split == 'train' else 'train'}")
    assert "patient 'p00' is in 2 splits" in refusal(copied)


def test_a_study_that_the_splits_do_not_name_or_name_alone(copied: Path) -> None:
    rewrite_splits(copied, "s03,p01", "s99,p01")
    assert refusal(copied).endswith("study 's03' is in the store alone; list each study of the store once")


def test_a_split_without_anybody(copied: Path) -> None:
    path = copied / "splits.csv"
    path.write_text(path.read_text(encoding="utf-8").replace(",val", ",train"), encoding="utf-8")
    assert "no patient in val" in refusal(copied)


def test_a_store_as_a_table_and_as_a_data_set_of_hugging_face(copied: Path) -> None:
    store = Store(copied)
    frame = store.frame()
    assert list(frame.columns) == [
        *("study_id", "patient_id", "split", *store.findings),
        *(f"{name}.{what}" for name in store.modalities if name != "report" for what in ("length", "order")),
    ]
    assert frame["study_id"].tolist() == store.study_ids
    assert frame["split"].tolist() == list(store.splits)
    rows = store.to_hf()
    assert rows["study_id"][:] == store.study_ids
    assert store[-1].study_id == store.study_ids[-1]
    assert [study.study_id for study in store] == store.study_ids
    with pytest.raises(IndexError):
        store[len(store)]
