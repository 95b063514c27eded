"""Copies under another patient's name are found however they were re-encoded; other pictures are left alone."""

from __future__ import annotations

from pathlib import Path

import cohorts
import numpy as np
import pytest
from audited import picture, save, store_facts
from PIL import Image

from mmdx.data.audit.lookalikes import check_lookalikes, lookalikes
from mmdx.data.audit.pixels import perceptual_hash, thumbnails
from mmdx.data.audit.registration import SIDE, best_correlations
from mmdx.data.audit.store_facts import gather
from mmdx.data.splits.splits import Splits
from mmdx.data.store.store import Store

ORIGINAL = 3


def resized(pixels: np.ndarray, share: float) -> np.ndarray:
    side = round(len(pixels) * share)
    return np.asarray(Image.fromarray(pixels).resize((side, side), Image.Resampling.LANCZOS))


COPIES = {
    "re-encoded": lambda path, pixels: save(path.with_suffix(".jpg"), pixels, quality=50),
    "resized": lambda path, pixels: save(path, resized(pixels, 0.6)),
    "cropped": lambda path, pixels: save(path, pixels[4:-4, 4:-4]),
    "brightened": lambda path, pixels: save(path, np.clip(pixels * 1.2 + 15, 0, 255).astype(np.uint8)),
    "all": lambda path, pixels: save(path.with_suffix(".jpg"), resized(pixels[4:, 4:], 0.7), quality=50),
}


def store_with(tmp_path: Path, kind: str | None, *, slices: int = 1) -> Store:
    """Ten patients in turn in train, val and test; in the last, a copy of one of train, if any."""
    rows = []
    for index in range(10):
        names = []
        for place in range(slices):
            path = tmp_path / "raw" / f"{index}_{place}.png"
            copied = kind is not None and index == 8
            pixels = picture(100 * (ORIGINAL if copied else index) + place)
            names.append((COPIES[kind](path, pixels) if copied and kind else save(path, pixels)).name)
        split = ("train", "val", "test")[index % 3]
        rows.append({"study_id": f"s{index}", "split": split, "file_names": names, "bleed": index // 3 % 2})
    cohorts.write_table(tmp_path / "raw", rows)
    return cohorts.prepared(tmp_path / "raw", tmp_path / "out", size=64)


@pytest.mark.parametrize("kind", COPIES)
def test_a_copy_across_splits_is_a_leak(tmp_path: Path, kind: str) -> None:
    store = store_with(tmp_path, kind)
    (found,) = check_lookalikes(store, gather(store, store.splits))
    assert (found.severity, found.rows) == ("leak", ("s3", "s8"))
    assert found.figures["pairs"][0]["likeness"] >= 0.8


def test_a_copy_within_a_split_is_a_warning(tmp_path: Path) -> None:
    store = store_with(tmp_path, "resized")
    (found,) = check_lookalikes(store, gather(store, Splits(("train",) * len(store))))
    assert (found.severity, found.rows) == ("warning", ("s3", "s8"))


def test_other_pictures_are_left_alone(tmp_path: Path) -> None:
    store = store_with(tmp_path, None)
    assert check_lookalikes(store, gather(store, store.splits)) == []


def test_a_copied_stack_is_one_pair_and_identical_ones_are_told_elsewhere(tmp_path: Path) -> None:
    store = store_with(tmp_path, "cropped", slices=4)
    given = gather(store, store.splits)
    (found,) = lookalikes(store, given, "image", identical=set())
    assert found.pair == (3, 8)
    assert lookalikes(store, given, "image", identical={(3, 8)}) == []


def test_images_too_small_to_look_at_are_said(tmp_path: Path) -> None:
    store = cohorts.prepared(cohorts.folder_cohort(tmp_path / "raw"), tmp_path / "out")
    (found,) = check_lookalikes(store, gather(store, store.splits))
    assert found.severity == "note"
    assert "images of 8 pixels are too small" in found.sentence
    assert check_lookalikes(store, store_facts(labels={"bleed": [0.0, 1.0, 0.0]})) == []


def test_registration_undoes_a_shift_and_ignores_contrast() -> None:
    whole = picture(1, SIDE + 6)
    left, moved = whole[3 : 3 + SIDE, 3 : 3 + SIDE], whole[5 : 5 + SIDE, :SIDE]
    other = picture(2, SIDE)
    images = np.stack([moved, moved // 2 + 40, other]).astype(np.float32)
    found = best_correlations(np.stack([left] * 3).astype(np.float32), images)
    assert found[0] == pytest.approx(1, abs=0.01)
    assert found[1] > 0.95
    assert found[2] < 0.6


def test_hashes_of_blank_images_are_zero_and_of_others_have_length_one() -> None:
    pixels = np.stack([np.full((1, 64, 64), 7, np.uint8), picture(1, 64)[None]])
    hashes = perceptual_hash(thumbnails(pixels, "intensity", 32))
    assert np.linalg.norm(hashes, axis=1) == pytest.approx([0, 1])


def test_a_thumbnail_of_hounsfield_units_shows_soft_tissue() -> None:
    pixels = np.full((1, 1, 64, 64), 50, np.int16)
    assert thumbnails(pixels, "HU", 32).mean() == pytest.approx(127.5)
    assert thumbnails(pixels - 1000, "HU", 32).max() == 0
