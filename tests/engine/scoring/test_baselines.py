"""Baselines on studies of which a person can say what can be known."""

from __future__ import annotations

from pathlib import Path

import cohorts
import numpy as np
import pytest
from PIL import Image

from mmdx.config_file import parse_config
from mmdx.data.splits.splits import Splits
from mmdx.data.store.store import Store
from mmdx.engine.scoring.baselines import BaselineInputs, position_baseline, study_baselines


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """40 studies: a word and a site tell the finding, age does not; a study in five has no report."""
    home = tmp_path_factory.mktemp("cohort")
    rows = []
    for i in range(40):
        cohorts.write_png(home / "raw" / f"{i}.png", 50)
        report = "" if i % 5 == 0 else "Fell from a ladder." if i % 2 else "Headache for days."
        row = {"study_id": f"s{i:02d}", "patient_id": f"p{i:02d}", "file_name": f"{i}.png", "report": report}
        rows.append(row | {"bleed": i % 2, "split": ["train", "train", "val", "test"][(i // 2) % 4]})
    return cohorts.prepared(cohorts.write_table(home / "raw", rows), home / "store")


def ground(store: Store) -> BaselineInputs:
    raw = {"data": {"store": str(store.folder)}, "model": {"inputs": {"image": "timm", "report": "tfidf"}}}
    return BaselineInputs(parse_config(raw, "test"), store, store.splits, ["bleed"])


def test_a_word_tells_and_a_constant_does_not(store: Store):
    rows = store.splits.rows("test")
    found, said = study_baselines(ground(store), rows)
    assert (list(found), said) == (["constant", "metadata", "TF-IDF report"], [])
    assert found["constant"][:, 0].tolist() == pytest.approx([0.5] * len(rows))
    told = [row for row in rows if store.read(row).text("report")]
    scores = dict(zip(rows, found["TF-IDF report"][:, 0], strict=True))
    assert all((scores[row] > 0.5) == (store.labels[row, 0] == 1) for row in told)


def test_nothing_but_training_studies_is_learned_from(store: Store):
    rows = store.splits.rows("test")
    other = BaselineInputs(
        ground(store).config, store, Splits(tuple("test" if s != "train" else s for s in store.splits)), ["bleed"]
    )
    again = study_baselines(other, rows)[0]
    for name, scores in study_baselines(ground(store), rows)[0].items():
        assert again[name].tolist() == scores.tolist(), name


def test_the_shape_of_the_source_tells(tmp_path: Path):
    """Upright images bleed, wide ones do not; no report has a word that stands in two; the one fracture is in test."""
    rows = []
    for i in range(24):
        shape = (16, 8) if i % 2 else (8, 16)
        place = tmp_path / "raw" / f"{i}.png"
        place.parent.mkdir(exist_ok=True)
        Image.fromarray(np.full(shape, 90, dtype=np.uint8)).save(place)
        row = {"study_id": f"s{i:02d}", "patient_id": f"p{i:02d}", "file_name": place.name, "report": f"word{i}"}
        rows.append(row | {"bleed": i % 2, "fracture": int(i == 23), "split": "train" if i < 16 else "test"})
    store = cohorts.prepared(cohorts.write_table(tmp_path / "raw", rows), tmp_path / "store", size=16)
    asked = store.splits.rows("test")
    of = ground(store)
    found, said = study_baselines(BaselineInputs(of.config, store, store.splits, ["bleed", "fracture"]), asked)
    assert said == [
        "baseline 'metadata' left out: nothing varies over the training studies",
        "baseline 'TF-IDF report' left out: no word stands in 2 training texts",
    ]
    assert list(found) == ["constant", "image shape"]
    assert ((found["image shape"][:, 0] > 0.5) == (store.labels[asked, 0] == 1)).all()
    assert set(found["image shape"][:, 1]) == {0.0}  # no fracture among the training studies


def test_traits_are_read_as_words_and_as_numbers(tmp_path: Path):
    """The site tells the finding; where it is unknown nothing does. Age is missing from every third study."""
    rows = []
    for i in range(40):
        cohorts.write_png(tmp_path / "raw" / f"{i}.png", 50)
        row = {"study_id": f"s{i:02d}", "patient_id": f"p{i:02d}", "file_name": f"{i}.png", "bleed": i % 2}
        site = "" if i % 10 > 7 else "north" if i % 2 else "south"
        rows.append(
            row | {"site": site, "age": "" if i % 3 == 0 else 40 + i, "split": "test" if i // 2 % 2 else "train"}
        )
    store = cohorts.prepared(cohorts.write_table(tmp_path / "raw", rows), tmp_path / "store")
    asked = [row for row, name in enumerate(store.splits) if name == "test" and "site" in store.read(row).traits()]
    raw = {"data": {"store": str(store.folder)}, "model": {"inputs": {"image": "timm"}}}
    found, _ = study_baselines(BaselineInputs(parse_config(raw, "test"), store, store.splits, ["bleed"]), asked)
    assert ((found["metadata"][:, 0] > 0.5) == (store.labels[asked, 0] == 1)).all()


def test_slices_answer_by_their_place():
    labels = np.array([[0.0], [0.0], [1.0], [np.nan]])
    found = position_baseline(labels, np.array([0.0, 0.05, 0.95, 0.5]), np.array([0.02, 1.0, 0.5]))
    assert found[:, 0].tolist() == pytest.approx([0.0, 1.0, 1 / 3])
