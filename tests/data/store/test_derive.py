"""A store of descriptors carries over all but the pixels of the store that it is made of."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cohorts
import numpy as np
import pytest

from mmdx.data.store.derive import Derivation, Descriptors, finish_derived, finished, write_portion
from mmdx.data.store.kinds import ModalityFacts
from mmdx.data.store.store import Store
from mmdx.errors import DataError


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Nine studies, and one in quarantine."""
    raw = cohorts.folder_cohort(tmp_path / "raw")
    (raw / "09_0.png").write_bytes(b"no image")
    return cohorts.prepared(raw, tmp_path / "store")


@pytest.fixture
def derivation(store: Store) -> Derivation:
    facts = {"image": ModalityFacts("vectors", width=2)}
    origin = {"run": "runs/a", "weights": {"own": "ab"}, "modalities": ["image"], "training_rows": "frozen encoder"}
    return Derivation(store, facts, store.splits, origin)


def describe(store: Store, rows: list[int]) -> Descriptors:
    """Of each image, its row and its grey."""
    greys = [store.read(row).pixels("image")[:, 0, 0, 0].astype(np.float32) for row in rows]
    return {"image": [np.stack([np.full_like(grey, row), grey], axis=1) for row, grey in zip(rows, greys, strict=True)]}


def test_descriptors_take_the_place_of_images(store: Store, derivation: Derivation, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    assert finished(derivation, out) is None
    ((path, rows),) = derivation.portions(out)
    assert write_portion(derivation, path, rows, lambda: describe(store, rows))
    assert not write_portion(derivation, path, rows, lambda: {})
    second = finish_derived(derivation, out)
    assert second.modalities == {"image": ModalityFacts("vectors", width=2), "report": ModalityFacts("text")}
    assert second.read(2).items("image").tolist() == [[2, 20], [2, 21], [2, 22]]
    assert second.read(2).text("report") == "Fell 2 times."
    assert np.array_equal(second.labels, store.labels, equal_nan=True)
    assert (second.study_ids, second.splits, second.quarantined) == (store.study_ids, store.splits, 1)
    assert (out / "quarantine.csv").read_bytes() == (store.folder / "quarantine.csv").read_bytes()
    assert (second.described_by, second.extracted) == ("ab", True)
    assert list(second.description) == [*store.description, "extracted"]
    assert not second.describers_learned


def test_what_a_store_of_descriptors_was_made_of_is_not_forgotten(
    store: Store, derivation: Derivation, tmp_path: Path
) -> None:
    made = store
    for step, rows in enumerate(("out-of-fold", "frozen encoder")):
        out = tmp_path / f"out{step}"
        out.mkdir()
        again = replace(derivation, store=made, origin={**derivation.origin, "training_rows": rows})
        for path, numbers in again.portions(out):
            write_portion(again, path, numbers, lambda numbers=numbers: describe(store, numbers))
        made = finish_derived(again, out)
    assert made.description["extracted"]["before"]["training_rows"] == "out-of-fold"
    assert made.describers_learned


def test_a_derivation_is_known_by_its_models_and_not_by_where_they_lie(
    store: Store, derivation: Derivation, tmp_path: Path
) -> None:
    moved = replace(derivation, origin={**derivation.origin, "run": "elsewhere"})
    assert moved.fingerprint() == derivation.fingerprint()
    assert replace(derivation, origin={}).fingerprint() != derivation.fingerprint()
    with pytest.raises(DataError, match="holds descriptors of other weights, another split or other options"):
        finished(derivation, store.folder)
