"""Baselines lie beside the predictions of a run; none learns from anything but training studies."""

from __future__ import annotations

from dataclasses import replace

import pytest
from grounds import ground, reported

from mmdx.data.splits.splits import Splits
from mmdx.data.store.store import Store
from mmdx.engine.scoring.baselines.files import study_baselines
from mmdx.engine.scoring.baselines.inputs import BaselineInputs


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return reported(tmp_path_factory.mktemp("cohort"))


def test_a_baseline_says_how_far_it_is(store: Store):
    heard = []
    inputs = replace(ground(store), count=lambda *told: heard.append(told))
    study_baselines(inputs, store.splits.rows("test"))
    assert heard[0] == ("baseline image shape", 0, 40, "studies")
    assert ("baseline metadata", 0, 1, "findings") in heard
    assert ("baseline TF-IDF report", 0, 1, "findings") in heard


def test_nothing_but_training_studies_is_learned_from(store: Store):
    rows = store.splits.rows("test")
    other = BaselineInputs(
        ground(store).config, store, Splits(tuple("test" if s != "train" else s for s in store.splits)), ["bleed"]
    )
    again = study_baselines(other, rows)[0]
    for name, scores in study_baselines(ground(store), rows)[0].items():
        assert again[name].tolist() == scores.tolist(), name
