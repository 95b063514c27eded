"""Baselines on studies of which a person can say what can be known."""

from __future__ import annotations

import cohorts
import numpy as np
import pytest

from mmdx.config_file import parse_config
from mmdx.data.store import Store
from mmdx.engine.baselines import Ground, position_baseline, study_baselines


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


def ground(store: Store) -> Ground:
    raw = {"data": {"store": str(store.folder)}, "model": {"inputs": {"image": "timm", "report": "tfidf"}}}
    return Ground(parse_config(raw, "test"), store, store.splits, ["bleed"])


def test_a_word_tells_and_a_constant_does_not(store: Store):
    rows = [row for row, name in enumerate(store.splits) if name == "test"]
    found = study_baselines(ground(store), rows)
    assert found["constant"][:, 0].tolist() == pytest.approx([0.5] * len(rows))
    told = [row for row in rows if store.read(row).text("report")]
    scores = dict(zip(rows, found["TF-IDF report"][:, 0], strict=True))
    assert all((scores[row] > 0.5) == (store.labels[row, 0] == 1) for row in told)


def test_nothing_but_training_studies_is_learned_from(store: Store):
    rows = [row for row, name in enumerate(store.splits) if name == "test"]
    other = Ground(ground(store).config, store, ["test" if s != "train" else s for s in store.splits], ["bleed"])
    for name, scores in study_baselines(ground(store), rows).items():
        assert study_baselines(other, rows)[name].tolist() == scores.tolist(), name


def test_slices_answer_by_their_place():
    labels = np.array([[0.0], [0.0], [1.0], [np.nan]])
    found = position_baseline(labels, np.array([0.0, 0.05, 0.95, 0.5]), np.array([0.02, 1.0, 0.5]))
    assert found[:, 0].tolist() == pytest.approx([0.0, 1.0, 1 / 3])
