from __future__ import annotations

import numpy as np
import pytest
from cohorts import quiet, recipe

from mmdx.data.readers.medmnist import CLASSES, read
from mmdx.data.store.check import check_studies
from mmdx.data.store.prepare import prepare_store
from mmdx.errors import DataError

COUNTS = {"train": 6, "val": 2, "test": 3}


def release(path, labels, *, shape=(28, 28), dtype=np.uint8):
    """An archive in the layout of MedMNIST; the pixels of an image are its number, in train, then val, then test."""
    arrays, first = {}, 0
    for split, count in COUNTS.items():
        numbers = np.arange(first, first + count, dtype=dtype).reshape(count, *[1] * len(shape))
        arrays[f"{split}_images"] = np.broadcast_to(numbers, (count, *shape))
        arrays[f"{split}_labels"] = np.array(labels[first : first + count], np.uint8)
        first += count
    path.parent.mkdir(exist_ok=True)
    np.savez_compressed(path, **arrays)
    return path


TWO = [[k % 2] for k in range(11)]
MORE = [[k % 9] for k in range(11)]


def test_the_official_split_is_kept_and_each_image_is_a_patient(tmp_path):
    studies = read(release(tmp_path / "pneumoniamnist.npz", TWO))
    check_studies(studies)
    assert [study.split for study in studies] == ["train"] * 6 + ["val"] * 2 + ["test"] * 3
    assert [study.study_id for study in studies[5:8]] == ["train/5", "val/0", "val/1"]
    assert len({study.patient_id for study in studies}) == 11
    (ref,) = studies[7].modalities["image"].images
    assert (ref.path.name, ref.key, ref.frame) == ("pneumoniamnist.npz", "val_images", 1)
    assert [study.labels for study in studies[:2]] == [{"pneumonia": 0.0}, {"pneumonia": 1.0}]


def test_the_finding_of_two_classes_is_the_disease(tmp_path):
    labels = [study.labels for study in read(release(tmp_path / "breastmnist_224.npz", TWO))[:2]]
    assert labels == [{"malignant": 1.0}, {"malignant": 0.0}]


def test_more_classes_are_a_group(tmp_path):
    studies = read(release(tmp_path / "PathMNIST.npz", MORE, shape=(28, 28, 3)))
    assert studies[0].modalities["image"].channels == 3
    assert list(studies[4].labels) == [f"class/{name}" for name in CLASSES["pathmnist"]]
    assert [name for name, value in studies[4].labels.items() if value] == ["class/mucus"]


def test_several_columns_are_a_finding_each(tmp_path):
    labels = np.zeros((11, 14), np.uint8)
    labels[3, [0, 13]] = 1
    studies = read(release(tmp_path / "chestmnist.npz", labels))
    assert [name for name, value in studies[3].labels.items() if value] == ["atelectasis", "hernia"]
    assert len(studies[3].labels) == 14
    assert "finding 13" in read(release(tmp_path / "mine.npz", labels))[0].labels


def test_a_volume_is_a_study_of_its_slices(tmp_path):
    studies = read(release(tmp_path / "vesselmnist3d.npz", TWO, shape=(5, 7, 7)))
    volume = studies[1].modalities["image"]
    assert [ref.frame for ref in volume.images] == [5, 6, 7, 8, 9]
    assert volume.order.source == "given"
    assert studies[1].labels == {"aneurysm": 1.0}


def test_an_unknown_name_leaves_class_indices(tmp_path):
    assert read(release(tmp_path / "mine.npz", TWO))[1].labels == {"class": 1.0}
    three = read(release(tmp_path / "mine.npz", [[k % 3] for k in range(11)]))
    assert three[2].labels == {"class/0": 0.0, "class/1": 0.0, "class/2": 1.0}
    flat = read(release(tmp_path / "mine.npz", [k % 3 for k in range(11)]))
    assert flat[2].labels == three[2].labels


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_known_sets_have_classes_of_different_names(name):
    assert len(set(CLASSES[name])) == len(CLASSES[name])
    assert not any("/" in label for label in CLASSES[name])


def test_pixels_reach_the_store(tmp_path):
    release(tmp_path / "raw" / "octmnist.npz", [[k % 4] for k in range(11)], shape=(3, 8, 8))
    store = prepare_store(recipe(tmp_path / "raw", reader="medmnist"), tmp_path / "store", None, quiet()[0])
    for k in range(len(store)):
        split, index = store.study_ids[k].split("/")
        first = {"train": 0, "val": 6, "test": 8}[split]
        pixels = store.read(k).pixels("image")
        assert pixels.shape == (3, 1, 8, 8)
        assert set(pixels.ravel().tolist()) == {first + int(index)}
    assert list(store.splits) == ["train"] * 6 + ["val"] * 2 + ["test"] * 3


def test_a_folder_holds_exactly_one(tmp_path):
    release(tmp_path / "a.npz", TWO)
    assert len(read(tmp_path)) == 11
    release(tmp_path / "b.npz", TWO)
    with pytest.raises(DataError, match=r"expected one \.npz, found a\.npz, b\.npz"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("name", "labels", "said"),
    [
        ("octmnist", [[9]] * 11, "10 classes, but octmnist has 4"),
        ("chestmnist", [[0, 1]] * 11, "2 classes, but chestmnist has 14"),
        ("mine", [[0, 2]] * 11, "label 2 of a finding"),
        ("mine", [[0]] * 10, "3 images in test and 2 labels"),
        ("mine", [[[0]]] * 11, r"labels are \[n 1\] or \[n k\]"),
    ],
)
def test_labels_that_do_not_fit(tmp_path, name, labels, said):
    with pytest.raises(DataError, match=said):
        read(release(tmp_path / f"{name}.npz", labels))


@pytest.mark.parametrize("label", [-1.0, 0.5, np.nan])
def test_labels_that_are_no_classes(tmp_path, label):
    path = release(tmp_path / "mine.npz", TWO)
    with np.load(path) as arrays:
        changed = dict(arrays) | {"val_labels": np.array([[0], [label]])}
    np.savez(path, **changed)
    with pytest.raises(DataError, match=rf"array 'val_labels', row 1: label {label}; use whole numbers"):
        read(path)


def test_a_missing_array_is_named(tmp_path):
    np.savez(tmp_path / "a.npz", train_image=np.zeros((1, 2, 2)))
    with pytest.raises(DataError, match="no array 'train_images'; did you mean 'train_image'") as caught:
        read(tmp_path / "a.npz")
    assert len(caught.value.problems) == 6


def test_a_class_of_a_huge_number_is_refused_and_not_counted_up(tmp_path):
    path = release(tmp_path / "own.npz", MORE)
    arrays = dict(np.load(path))
    arrays["train_labels"] = np.array([[200_000_000]] * 6)
    np.savez(path, **arrays)
    with pytest.raises(DataError, match="200000001 classes; expected 1000 at most"):
        read(path)
