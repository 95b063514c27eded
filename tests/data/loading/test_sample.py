"""A study becomes arrays: what is asked for of it, as it is to be read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cohorts
import numpy as np
import pytest
import signals

from mmdx.data.loading.reading import Reading
from mmdx.data.loading.sample import SampleMaker
from mmdx.data.store.store import Store
from mmdx.data.text.tokenizer import fit_tokenizer
from mmdx.schema import SplitOptions

REVERSED = Reading("reversed")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return cohorts.prepared(cohorts.folder_cohort(tmp_path / "raw"), tmp_path / "store")


def test_images_stand_as_they_are_read_with_their_numbers(store: Store) -> None:
    sample = SampleMaker({"image": "images"}, ("bleed",), reading=REVERSED)(store.read(5))
    assert sample.inputs["image"][:, 0, 0, 0].tolist() == [52, 51, 50]
    assert sample.slice_numbers["image"].tolist() == [2, 1, 0]
    assert (sample.study_id, sample.labels.tolist()) == ("s05", [1])
    assert np.isnan(sample.slice_labels["image"]).all()
    assert sample.slice_labels["image"].shape == (3, 1)


def test_a_report_that_is_absent_has_no_entry(store: Store) -> None:
    tokenizers = {"report": fit_tokenizer(["fell times ."] * 2, max_tokens=9)}
    maker = SampleMaker({"report": "text"}, tokenizers=tokenizers)
    assert "report" not in maker(store.read(3)).inputs
    assert len(maker(store.read(4)).inputs["report"]) > 0
    assert maker(store.read(4)).labels.shape == (0,)


def test_items_that_are_no_slices_stay_in_their_order(tmp_path: Path) -> None:
    for i in range(4):
        signals.write_signal(tmp_path / "raw", f"s{i}", np.array([[0, 0], [1, 1], [2, 2]]), label=i % 2)
    recipe = cohorts.recipe(tmp_path / "raw", reader="test_signals")
    split = SplitOptions(val=0.25, test=0.25)
    study = cohorts.prepare_store(recipe, tmp_path / "store", split, cohorts.quiet()[0]).read(0)
    maker = SampleMaker({"ecg": "test_signals"}, reading=REVERSED)
    for reading in (REVERSED, Reading("certified", dropped=0.5), Reading("shuffled")):
        assert replace(maker, reading=reading)(study).inputs["ecg"][:, 0].tolist() == [0, 1, 2]
