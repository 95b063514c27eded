"""Baselines lie beside the predictions of a run; none learns from anything but training studies."""

from __future__ import annotations

import pytest
from grounds import ground, reported

from mmdx.data.splits.splits import Splits
from mmdx.data.store.store import Store
from mmdx.engine.scoring.baselines.files import study_baselines
from mmdx.engine.scoring.baselines.inputs import BaselineInputs


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return reported(tmp_path_factory.mktemp("cohort"))


def test_nothing_but_training_studies_is_learned_from(store: Store):
    rows = store.splits.rows("test")
    other = BaselineInputs(
        ground(store).config, store, Splits(tuple("test" if s != "train" else s for s in store.splits)), ["bleed"]
    )
    again = study_baselines(other, rows)[0]
    for name, scores in study_baselines(ground(store), rows)[0].items():
        assert again[name].tolist() == scores.tolist(), name
