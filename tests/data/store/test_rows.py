"""Rows of a small store are held in memory with the same values; those of a larger one are read from the disk."""

from __future__ import annotations

import pickle
from pathlib import Path

import cohorts
import numpy as np
import pytest

from mmdx.data import memory
from mmdx.data.store.rows import Held
from mmdx.data.store.store import Store
from mmdx.errors import DataError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Ten studies of one to three images of 8 x 8 pixels: 1,216 bytes of pixels."""
    cohorts.prepared(cohorts.folder_cohort(tmp_path / "raw"), tmp_path / "out")
    return tmp_path / "out"


def contents(store: Store) -> list[tuple[object, ...]]:
    return [
        (study.study_id, study.pixels("image").tolist(), study.text("report"), study.traits(), study.boxes())
        for study in store
    ]


def remove_shards(folder: Path) -> None:
    for path in folder.glob("shard-*.arrow"):
        path.unlink()


def test_what_was_read_is_held_and_the_same_as_on_disk(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = Store(folder)
    first = contents(held)
    with monkeypatch.context() as bound:
        bound.setattr(memory, "MOST_BYTES", 0)
        mapped = Store(folder)
        assert contents(mapped) == first
        remove_shards(folder)
        with pytest.raises(DataError, match="missing from a finished store"):
            mapped.read(0)
    assert contents(held) == first
    assert not held.read(0).pixels("image").flags.writeable
    assert not held.read(0).labels().flags.writeable


def test_what_a_caller_changes_is_not_what_is_held(folder: Path) -> None:
    store = Store(folder)
    store.read(2).traits()["age"] = 1
    store.read(2).boxes().append({})
    assert (store.read(2).traits(), store.read(2).boxes()) == ({"age": 42.0}, [])


def test_images_that_do_not_fit_are_read_from_the_disk_and_the_rest_is_held(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Held, "column", lambda held, name: False)
    store = Store(folder)
    first = contents(store)
    assert contents(store) == first
    remove_shards(folder)
    assert store.read(1).text("report") == "Fell 1 times."
    with pytest.raises(DataError, match="missing from a finished store"):
        store.read(1).pixels("image")


def test_sizes_are_known_from_the_index(folder: Path) -> None:
    store = Store(folder)
    remove_shards(folder)
    held = Held.of(store._index, store.layout)
    assert held.items == {"image"}
    assert held.column("image")


def test_a_held_store_travels_without_its_rows(folder: Path) -> None:
    store = Store(folder)
    first = contents(store)
    assert len(pickle.dumps(store)) < 500
    assert contents(pickle.loads(pickle.dumps(store))) == first


def test_a_damaged_row_is_refused_when_it_is_first_read(folder: Path) -> None:
    store = Store(folder)
    assert np.array_equal(store.read(0).pixels("image")[:, 0, 0, 0], [0])
    path = folder / "shard-00001.arrow"
    path.write_bytes(b"\x07" * path.stat().st_size)
    with pytest.raises(DataError, match=r"shard-00001\.arrow: is damaged"):
        store.read(1)
