"""A stack is the channels of its modalities, and only where they are of the same slices."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import cohorts
import numpy as np
import pytest
from raw_studies import images
from stacked import write_windows

from mmdx.data.store.derive import Derivation, finish_derived, write_portion
from mmdx.data.store.kinds import ModalityFacts
from mmdx.data.store.stacks import difference, mixed, with_stacks
from mmdx.data.store.store import Store
from mmdx.errors import DataError, UsageError
from mmdx.study import Box, Order, Study

CT = {"ct": ("brain", "bone")}


def stacked(tmp_path: Path, **cohort: Any) -> tuple[Store, list[str]]:
    store = cohorts.prepared(write_windows(tmp_path / "raw", studies=8, **cohort), tmp_path / "store", size=16)
    return with_stacks(store, CT)


def test_a_stack_is_the_channels_of_its_modalities(tmp_path: Path) -> None:
    store, lines = stacked(tmp_path)
    assert lines == []
    assert list(store.modalities) == ["brain", "bone", "ct"]
    assert list(store.stored) == ["brain", "bone"]
    assert store.modalities["ct"] == ModalityFacts("images", channels=2, details=(("brain", 1), ("bone", 1)))
    assert store.lengths("ct").tolist() == [1, 2, 3, 1, 2, 3, 1, 2]
    assert store.order_source(2, "ct") == store.order_source(2, "brain")
    pixels = store.read(5).pixels("ct")
    assert pixels.shape == (3, 2, 16, 16)
    assert pixels[:, :, 0, 0].tolist() == [[40, 180], [41, 180], [42, 180]]
    assert pickle.loads(pickle.dumps(store)).read(5).pixels("ct").shape == (3, 2, 16, 16)


def test_a_study_that_lacks_one_lacks_the_stack_and_is_counted(tmp_path: Path) -> None:
    store, lines = stacked(tmp_path, lacking=4)
    assert lines == ["ct: absent from 1 studies, which lack brain or bone: s04"]
    assert store.lengths("ct")[4] == 0
    assert store.order_source(4, "ct") is None
    study = store.read(4)
    assert study.pixels("ct").shape == (0, 2, 16, 16)
    assert study.pixels("brain").shape == (2, 1, 16, 16)
    assert study.slice_labels("ct").shape == (0, 1)
    assert study.column("ct.length").to_pylist() == [0]


def test_numbers_that_differ_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        stacked(tmp_path, short=2)
    assert str(caught.value) == (
        "data.stacks.ct: not of the same slices in 1 studies, s02 (s02: 3 images of brain, 2 images of bone); prepare "
        "the store without them, or read the modalities as inputs of their own"
    )


def order(source: str = "position", spacing_mm: float | None = None, gaps: tuple[int, ...] = ()) -> Mapping[str, Any]:
    return {"source": source, "spacing_mm": spacing_mm, "gaps": gaps}


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        (order(spacing_mm=5.0), order(spacing_mm=5.01), None),
        (order(spacing_mm=5.0), order(spacing_mm=1.25), "slices of a 5 mm apart, of b 1.25 mm"),
        (order(gaps=(1,)), order(gaps=(1,)), None),
        (order(gaps=(1,)), order(), "other slices are missing from a than from b"),
        (order(gaps=(1,)), order("given"), None),
    ],
)
def test_certificates_say_where_slices_are_others(first, second, words) -> None:
    assert difference({"a": 2, "b": 2}, {"a": first, "b": second}) == words


def test_units_are_not_mixed() -> None:
    assert mixed("ct", {"a": "HU", "b": "HU"}) is None
    assert mixed("ct", {"a": "HU", "b": "intensity"}) == (
        "data.stacks.ct: mixes units (a HU, b intensity); stack images of one unit, and read the others as an input"
    )


@pytest.mark.parametrize(
    ("stacks", "line"),
    [
        ({"ct": ("brain", "bones")}, r"data\.stacks\.ct: no images 'bones' in .*; did you mean 'bone'\?"),
        ({"bone": ("brain", "bone")}, r"data\.stacks\.bone: .* holds a modality of this name; choose another"),
        ({"c.t": ("brain", "bone")}, r"data\.stacks\.c\.t: the name is taken or holds '\.' or '\+'"),
    ],
)  # fmt: skip
def test_what_no_stack_is_made_of(tmp_path: Path, stacks, line) -> None:
    store = cohorts.prepared(write_windows(tmp_path / "raw", studies=8), tmp_path / "store", size=16)
    with pytest.raises(UsageError, match=line):
        with_stacks(store, stacks)


def studies(root: Path, source: str) -> list[Study]:
    """Three studies of two slices, each slice of brain labelled, with a box in the second."""
    found = []
    for i in range(3):
        files = {
            name: replace(
                images(*[cohorts.write_png(root / name / f"{i}_{j}.png", 10 * i + j) for j in range(2)]),
                order=Order(source if name == "bone" else "filename"),
            )
            for name in ("brain", "bone")
        }
        box = Box("brain", 1, "bleed", 1.0, 1.0, 4.0, 4.0)
        found.append(
            Study(f"s{i}", f"p{i}", files, {"bleed": 1.0}, slice_labels={"brain": {"bleed": (0.0, 1.0)}}, boxes=(box,))
        )
    return found


@pytest.fixture
def labelled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store whose slices of bone stand in an order that nobody knows."""
    making = cohorts.recipe(tmp_path / "raw")
    write_windows(tmp_path / "raw", studies=3)
    monkeypatch.setattr("mmdx.data.store.recipe.Recipe.read", lambda _: studies(tmp_path / "png", "unknown"))
    return cohorts.prepare_store(making, tmp_path / "store", None, cohorts.quiet()[0])


def test_labels_and_boxes_of_the_first_stand_for_the_stack(labelled: Store) -> None:
    store, lines = with_stacks(labelled, CT)
    assert lines == [
        "ct: that brain and bone are of the same slices is taken on trust in 3 studies, whose order is unknown: "
        "s0, s1, s2"
    ]
    study = store.read(1)
    assert study.slice_labels("ct").tolist() == [[0.0], [1.0]]
    assert [(box["modality"], box["image"]) for box in study.boxes()] == [("brain", 1), ("ct", 1)]


def test_descriptors_of_a_stack_lie_under_its_name(labelled: Store, tmp_path: Path) -> None:
    store, _ = with_stacks(labelled, CT)
    origin = {"run": "runs/a", "weights": {"own": "ab"}, "modalities": ["ct"], "training_rows": "frozen encoder"}
    derivation = Derivation(store, {"ct": ModalityFacts("vectors", width=2)}, store.splits, origin)
    out = tmp_path / "out"
    out.mkdir()
    for path, rows in derivation.portions(out):
        write_portion(derivation, path, rows, lambda rows=rows: {"ct": [np.ones((2, 2), np.float32)] * len(rows)})
    described, lines = with_stacks(finish_derived(derivation, out), CT)
    assert (list(described.modalities), lines) == (["ct"], [])
    assert described.read(0).vectors("ct").tolist() == [[1, 1], [1, 1]]
    assert described.read(0).slice_labels("ct").tolist() == [[0.0], [1.0]]
    assert [box["modality"] for box in described.read(0).boxes()] == ["ct"]
