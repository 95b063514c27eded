"""A frozen encoder sees each image of a store once, and nothing comes out otherwise than from pixels."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from threading import Timer
from typing import Any

import numpy as np
import pandas as pd
import patches  # noqa: F401  (registers test_frozen_patches)
import pytest
import torch
from accelerate import Accelerator
from cohorts import folder_cohort, prepared, quiet

from mmdx.config_file import parse_config
from mmdx.data.store.lock import hold
from mmdx.data.store.store import Store
from mmdx.engine.assembly.facts import facts_of
from mmdx.engine.assembly.model import build_model
from mmdx.engine.assembly.resolve import resolve
from mmdx.engine.assembly.saved import SavedModel
from mmdx.engine.runs.setting import Setting
from mmdx.engine.scoring import encoded as encoding
from mmdx.engine.scoring.encoded import (
    descriptors_at_hand,
    encodable,
    encode_once,
    key_of,
    key_parts,
    with_descriptors,
)
from mmdx.engine.scoring.score import score_rows
from mmdx.errors import DataError
from mmdx.files import RunLayout
from mmdx.models.branches.images import ImageBranch

IMAGE: dict[str, Any] = {"encoder": "test_frozen_patches", "sequence": {"type": "lstm", "hidden": 4}}
STUDY = {"study": "study"}
ROWS = range(10)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return prepared(folder_cohort(tmp_path / "raw"), tmp_path / "store")


def saved_of(store: Store, data: dict[str, Any] | None = None, heads: Mapping[str, Any] = STUDY, **image: Any):
    """A model of images; `image` changes how they are read."""
    model = {"inputs": {"image": {**IMAGE, **image}}, "dim": 8, "heads": heads}
    config = resolve(parse_config({"data": {"store": str(store.folder), **(data or {})}, "model": model}, "test"))
    torch.manual_seed(0)
    built, facts = build_model(config, facts_of(config, store, {}, list(ROWS)))
    return SavedModel(built, config, facts, {})


def setting_of(saved: SavedModel, store: Store) -> tuple[Setting, Any]:
    console, lines = quiet()
    run = RunLayout(store.folder.parent / "run")
    return Setting(saved.config, run, store, store.splits, Accelerator(cpu=True), console), lines


def scores(saved: SavedModel, store: Store, *, pixels: bool = False) -> pd.DataFrame:
    return score_rows(saved, store, list(ROWS), ["image"], Accelerator(cpu=True), pixels=pixels)[0]


def key(saved: SavedModel, store: Store) -> str:
    return key_of(key_parts(saved, store, "image"))


def test_descriptors_are_what_the_encoder_gives(store: Store):
    saved = saved_of(store)
    assert descriptors_at_hand(saved, store, "image", [4]) is None
    once = encode_once(saved, setting_of(saved, store)[0])
    branch = saved.model.branches["image"]
    assert isinstance(branch, ImageBranch)
    for row in ROWS:
        expected = branch.encoder(branch.view(torch.from_numpy(store.read(row).pixels("image").copy())))
        np.testing.assert_allclose(once.encoded["image"].of(row), expected.detach(), atol=1e-6)
    (of_row,) = descriptors_at_hand(saved, store, "image", [4]) or [None]
    assert np.array_equal(of_row, once.encoded["image"].of(4))
    assert saved.model.training


@pytest.mark.parametrize("data", [{}, {"order": "shuffled", "drop_images": 0.4}, {"max_images": 2}])
def test_scores_are_those_from_pixels(store: Store, data: dict[str, Any]):
    saved = saved_of(store, data)
    before = scores(saved, store)
    once = encode_once(saved, setting_of(saved, store)[0])
    for after in (scores(once, store), scores(saved, store), scores(once, store, pixels=True)):
        assert after.drop(columns="score").equals(before.drop(columns="score"))
        np.testing.assert_allclose(after["score"], before["score"], atol=1e-5)


def test_the_encoder_runs_once(store: Store, monkeypatch: pytest.MonkeyPatch):
    saved = saved_of(store)
    encode_once(saved, setting_of(saved, store)[0])

    def refuse(*_: object) -> None:
        raise AssertionError("the encoder ran again")

    monkeypatch.setattr("patches.Patches.with_maps", refuse)
    encode_once(saved, setting_of(saved, store)[0])
    scores(saved, store)
    with pytest.raises(AssertionError, match="ran again"):
        scores(saved, store, pixels=True)


def test_every_part_of_the_key_counts(store: Store, tmp_path: Path):
    saved = saved_of(store)
    assert key(saved, store) == key(saved_of(store), store)
    other = saved_of(store)
    encoder: Any = other.model.branches["image"]
    encoder.encoder.look.weight.data += 1e-3
    table = tmp_path / "raw" / "metadata.jsonl"
    table.write_text(table.read_text() + "\n")
    elsewhere = prepared(tmp_path / "raw", tmp_path / "other")
    larger = prepared(tmp_path / "raw", tmp_path / "larger", size=16)
    keys = [
        key(saved, store),
        key(other, store),
        key(saved_of(store, encoder={"type": "test_frozen_patches", "seed": 1}), store),
        key(saved_of(store, neighbours=1), store),
        key(saved_of(store, view={"type": "grey", "channels": 3}), store),
        key(saved_of(elsewhere), elsewhere),
        key(saved_of(larger), larger),
    ]
    assert len(set(keys)) == len(keys)
    parts = key_parts(saved, store, "image")
    for name in parts:
        assert key_of({**parts, name: "another"}) != key_of(parts)
    assert {"store", "size", "precision", "device", "code", "architecture", "modality"} <= parts.keys()


def test_what_learns_or_is_augmented_or_asked_for_maps_is_read_from_pixels(store: Store):
    assert list(encodable(saved_of(store))) == ["image"]
    assert not encodable(saved_of(store, encoder="test_patches"))
    assert not encodable(saved_of(store, augment={"contrast": 0.1}))
    assert not encodable(saved_of(store, heads=STUDY | {"boxes": {"type": "boxes", "levels": 1}}))
    half = saved_of(store, encoder="test_patches")
    for parameter in half.model.branches["image"].parameters():
        parameter.requires_grad_(False)
    assert not encodable(half)  # training may still draw in it: nothing holds it in evaluation


def test_neighbours_are_those_of_all_images(store: Store):
    assert encodable(saved_of(store, neighbours=1))
    for data in ({"order": "reversed"}, {"drop_images": 0.2}, {"max_images": 2}):
        assert not encodable(saved_of(store, data, neighbours=1))
        assert encodable(saved_of(store, data))


def test_a_broken_file_is_named_and_made_anew(store: Store):
    saved = saved_of(store)
    path = encode_once(saved, setting_of(saved, store)[0]).encoded["image"].path
    whole = path.read_bytes()
    path.write_bytes(whole[:-4])
    with pytest.raises(DataError, match="cannot be read"):
        with_descriptors(saved, store)
    setting, lines = setting_of(saved, store)
    encode_once(saved, setting)
    assert "made anew" in " ".join(lines.getvalue().split())
    assert path.read_bytes() == whole
    path.with_suffix(".json").unlink()
    assert with_descriptors(saved, store).encoded == {}
    encode_once(saved, setting)
    assert path.read_bytes() == whole


def test_a_killed_encoding_leaves_nothing(store: Store, monkeypatch: pytest.MonkeyPatch):
    saved = saved_of(store)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(encoding, "put", full)
        with pytest.raises(DataError, match=r"No space left on device.*make room"):
            encode_once(saved, setting_of(saved, store)[0])
    folder = store.folder / "encoded"
    assert {path.suffix for path in folder.iterdir()} == {".lock"}
    (folder / f"{key(saved, store)}.npy.partial").write_bytes(b"of a process that was killed")
    assert encode_once(saved, setting_of(saved, store)[0]).encoded


def test_a_second_training_waits_for_the_first(store: Store):
    saved = saved_of(store)
    path = encode_once(saved, setting_of(saved, store)[0]).encoded["image"].path
    account = path.with_suffix(".json").read_text()
    path.with_suffix(".json").unlink()  # as if the first were still at work
    lock = hold(path.with_suffix(".lock"))
    assert lock is not None

    def finish() -> None:
        path.with_suffix(".json").write_text(account)
        lock.close()

    before = path.stat().st_mtime_ns
    first = Timer(0.2, finish)
    first.start()
    setting, lines = setting_of(saved, store)
    encode_once(saved, setting)
    first.join()
    assert "another training makes it; waiting" in " ".join(lines.getvalue().split())
    assert path.stat().st_mtime_ns == before


def test_a_store_that_cannot_be_written_uses_the_cache_of_the_user(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    saved = saved_of(store)
    (store.folder / "encoded").write_text("no folder")
    path = encode_once(saved, setting_of(saved, store)[0]).encoded["image"].path
    assert path.parent == tmp_path / "cache" / "mmdx" / "encoded"
    assert with_descriptors(saved, store).encoded["image"].path == path
    shutil.rmtree(tmp_path / "cache")
    (tmp_path / "cache").write_text("no folder either")
    setting, lines = setting_of(saved, store)
    assert encode_once(saved, setting).encoded == {}
    assert "cannot be kept" in " ".join(lines.getvalue().split())


def test_descriptors_of_another_store_are_not_read(store: Store, tmp_path: Path):
    saved = saved_of(store)
    once = encode_once(saved, setting_of(saved, store)[0])
    other = prepared(folder_cohort(tmp_path / "raw2"), tmp_path / "other")
    assert once.recipe.encoded_of(other) == {}
    assert scores(once, other)["score"].equals(scores(replace(saved, encoded={}), other)["score"])
