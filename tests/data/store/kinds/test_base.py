"""A kind of a plugin, the last study of another rate, is prepared, stored, described and read."""

import json

import cohorts
import numpy as np
import pytest
import signals

from mmdx.data.store.kinds import STORED, ModalityFacts
from mmdx.data.store.prepare import prepare_store
from mmdx.data.store.recipe import Recipe
from mmdx.data.store.store import Store
from mmdx.errors import UsageError
from mmdx.schema import Component, SplitOptions


@pytest.fixture
def store(tmp_path) -> Store:
    for i in range(7):
        signal = np.full((3 + i, 2), i, dtype=np.float64)
        signals.write_signal(tmp_path / "raw", f"s{i}", signal, label=i % 2, hertz=250 if i < 6 else 500)
    recipe = Recipe(Component(type="test_signals"), tmp_path / "raw", size=8)
    return prepare_store(recipe, tmp_path / "store", SplitOptions(val=0.2, test=0.2), cohorts.quiet()[0])


def test_a_kind_of_a_plugin_lies_in_a_store(store):
    assert store.study_ids == [f"s{i}" for i in range(6)]
    assert store.lengths("ecg").tolist() == [3, 4, 5, 6, 7, 8]
    items = store.read(2).items("ecg")
    assert items.dtype == np.float32
    assert items.tolist() == [[2, 2]] * 5
    assert store.modalities == {"ecg": ModalityFacts("test_signals", width=2, details=(("hertz", 250),))}


def test_its_facts_add_keys_and_what_differs_is_quarantined(store):
    description = json.loads((store.folder / "dataset.json").read_text())
    assert description["modalities"]["ecg"]["hertz"] == 250
    line = (store.folder / "quarantine.csv").read_text().splitlines()[1]
    assert line.replace('"', "") == (
        "s6,'ecg' holds signals of 2 leads at 500 Hz here, but signals of 2 leads at 250 Hz in the store; "
        "give it another name"
    )
    assert "| ecg | test_signals | 6 |" in (store.folder / "card.md").read_text().replace("\\_", "_")


def test_a_kind_is_stored_in_one_way():
    with pytest.raises(UsageError, match="no stored modality is of kind 'image'; did you mean 'images'"):
        STORED["image"]
    with pytest.raises(UsageError, match="kind 'text' is stored in two ways"):
        STORED("text")(signals.StoredSignals)
    with pytest.raises(UsageError, match="no kind of modality is called 'maps'"):
        STORED("maps")(signals.StoredSignals)
