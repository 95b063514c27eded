"""A probe answers by descriptors, of studies and of slices, and learns from nothing but training studies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from grounds import ground, reported

from mmdx.data.store.store import Store
from mmdx.data.store.stored import StoredStudy
from mmdx.engine.scoring.baselines import probe as probes
from mmdx.engine.scoring.baselines.files import slice_baselines, study_baselines
from mmdx.engine.scoring.baselines.inputs import BaselineInputs
from mmdx.engine.scoring.baselines.probe import probe, slice_probe, study_probe


def made(seed: int, patients: int = 30) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Two descriptors per patient, the first value of which tells the first finding; nothing tells the second."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(2 * patients, 8)).astype(np.float32)
    labels = np.stack([values[:, 0] > 0, np.arange(2 * patients) % 4 < 2], axis=1).astype(np.float64)
    return values, labels, [f"p{row // 2:02d}" for row in range(2 * patients)]


def test_what_descriptors_tell_is_found() -> None:
    values, labels, patients = made(0)
    new, known, _ = made(1)
    scores = probe(values, labels, patients, new)
    assert ((scores[:, 0] > 0.5) == (known[:, 0] == 1)).mean() > 0.85
    # The columns of descriptors may be of any scale, and their rows of any order.
    order = np.random.default_rng(2).permutation(len(values))
    again = probe(
        (1000 * values + 3)[order].astype(np.float32),
        labels[order],
        [patients[row] for row in order],
        (1000 * new + 3).astype(np.float32),
    )
    assert again == pytest.approx(scores, abs=1e-3)


def test_unknown_labels_are_left_out_and_one_class_is_its_share() -> None:
    values, labels, patients = made(0)
    labels[::3, 0] = np.nan
    labels[:, 1] = np.nan
    labels[:4, 1] = 1.0
    known = ~np.isnan(labels[:, 0])
    scores = probe(values, labels, patients, values)
    assert ((scores[known, 0] > 0.5) == (labels[known, 0] == 1)).mean() > 0.85
    assert set(scores[:, 1].tolist()) == {1.0}


def test_two_patients_are_enough_to_answer() -> None:
    values, labels, _ = made(0, patients=2)
    labels[:, 0] = [0, 1, 0, 1]
    assert np.isfinite(probe(values, labels, ["a", "a", "b", "b"], values)).all()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return reported(tmp_path_factory.mktemp("cohort"))


def described(store: Store, lacking: frozenset[int] = frozenset()) -> BaselineInputs:
    """Two descriptors per image: noise in one, and in the other a value that tells the finding of the study."""

    def of(row: int) -> np.ndarray:
        rng = np.random.default_rng(row)
        values = rng.normal(size=(2, 4)).astype(np.float32)
        values[row % 2, 0] += 20 * (row % 2)
        return values[:0] if row in lacking else values

    reading: Callable[[int], np.ndarray] = of
    return replace(ground(store), described={"image": reading})


def test_studies_answer_by_the_mean_and_the_maximum_of_their_descriptors(store: Store) -> None:
    rows = store.splits.rows("test")
    by_name, lines = study_baselines(described(store), rows)
    assert (list(by_name), lines) == (["constant", "metadata", "TF-IDF report", "probe image"], [])
    assert ((by_name["probe image"][:, 0] > 0.5) == (store.labels[rows, 0] == 1)).all()


def test_several_modalities_answer_alone_and_together(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    of, images = described(store), store.lengths("image")
    both = replace(of, described={"image": of.described["image"], "other": of.described["image"]})
    monkeypatch.setattr(Store, "lengths", lambda store, modality: images)
    by_name, _ = study_baselines(both, store.splits.rows("test"))
    assert [name for name in by_name if name.startswith("probe")] == ["probe image", "probe other", "probe image+other"]


def test_slices_answer_by_their_own_descriptors(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each study with the finding, the second slice has it."""
    monkeypatch.setattr(
        StoredStudy, "slice_labels", lambda study, modality: np.stack([np.zeros(1), study.labels()]).astype(np.float32)
    )
    rows = store.splits.rows("test")
    slices = pd.DataFrame({"row": np.repeat(rows, 2), "slice": [0, 1] * len(rows)})
    by_name, lines = slice_baselines(described(store), "image", slices)
    assert (list(by_name), lines) == (["constant", "slice position", "probe image"], [])
    expected = [place == 1 and store.labels[row, 0] == 1 for row in rows for place in (0, 1)]
    assert (by_name["probe image"][:, 0] > 0.5).tolist() == expected


def test_nothing_but_training_studies_is_learned_from(store: Store) -> None:
    of, rows = described(store), store.splits.rows("test")
    others = frozenset(range(len(store))) - set(of.train) - set(rows)
    assert study_probe(of, ["image"], rows).tolist() == study_probe(described(store, others), ["image"], rows).tolist()
    alone = study_probe(of, ["image"], rows[:1])
    assert alone.tolist() == pytest.approx(study_probe(of, ["image"], rows)[:1])


def test_too_few_training_studies_are_said(store: Store) -> None:
    of = described(store)
    lone = replace(of, splits=replace(of.splits, words=("train", *["test"] * (len(store) - 1))))
    assert study_probe(lone, ["image"], [1]) == "1 training studies have image"
    slices = pd.DataFrame({"row": [1], "slice": [0]})
    assert slice_probe(of, "image", slices) == "0 training slices of image are labelled"
    by_name, lines = slice_baselines(of, "image", slices)
    assert list(by_name) == ["constant", "slice position"]
    assert lines == ["baseline 'probe image' left out: 0 training slices of image are labelled"]


def test_of_many_an_even_selection_is_taken(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    of = described(store)
    first = of.described["image"]
    watched = replace(of, described={"image": lambda row: (asked.append(row), first(row))[1]})
    monkeypatch.setattr(probes, "MOST_ITEMS", 4)
    study_probe(watched, ["image"], [])
    study_probe(watched, ["image"], store.splits.rows("test")[:1])
    assert len(asked) == 5
    assert (asked[0], asked[3]) == (of.train[0], of.train[-1])
