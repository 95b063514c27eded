"""Rows of several stores as one store, under the names of a run."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from cohorts import folder_cohort, prepared

from mmdx.data.cohorts.joined import JoinedStore, Part, _renamed
from mmdx.data.cohorts.names import Names
from mmdx.data.store.kinds import ModalityFacts
from mmdx.data.store.layout import Layout
from mmdx.data.store.store import Store

LAYOUT = Layout({"scan": ModalityFacts("images"), "note": ModalityFacts("text")}, ("fracture", "bleed"), 8)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return prepared(folder_cohort(tmp_path / "raw"), tmp_path / "store")


@pytest.fixture
def joined(store: Store) -> JoinedStore:
    """Two rows with everything, and behind them three without a note."""
    whole = Names({"bleed": "bleed"}, {"scan": "image", "note": "report"})
    bare = Names({"bleed": "bleed"}, {"scan": "image"})
    return JoinedStore([Part(store, [4, 2], whole), Part(store, [0, 1, 7], bare)], LAYOUT)


def test_rows_stand_part_after_part(store, joined):
    assert len(joined) == 5
    assert joined.study_ids == [store.study_ids[row] for row in (4, 2, 0, 1, 7)]
    assert joined.patient_ids == [store.patient_ids[row] for row in (4, 2, 0, 1, 7)]
    assert list(joined.splits) == ["train"] * 2 + ["test"] * 3
    assert joined.lengths("scan").tolist() == [2, 3, 1, 2, 2]
    assert [study.study_id for study in joined] == joined.study_ids


def test_labels_have_the_findings_of_the_run_and_unknown_ones(store, joined):
    assert np.isnan(joined.labels[:, 0]).all()
    assert np.array_equal(joined.labels[:, 1], store.labels[[4, 2, 0, 1, 7], 0], equal_nan=True)
    assert np.array_equal(joined.read(4).labels(), joined.labels[4], equal_nan=True)


def test_a_study_has_what_its_part_has(store, joined):
    first, last = joined.read(0), joined.read(4)
    assert np.array_equal(first.pixels("scan"), store.read(4).pixels("image"))
    assert first.text("note") == "Fell 4 times."
    assert (last.text("note"), last.traits()["age"]) == (None, 47)
    assert (joined.order_source(4, "scan"), joined.order_source(4, "note")) == (store.order_source(7, "image"), None)
    assert last.slice_labels("scan").shape[1] == 2
    assert last.spacing("scan") is None


def test_what_readers_said_is_under_the_findings_of_the_run():
    ours = {"bleed": "any"}
    assert _renamed("reading/R1/bleed", ours) == "reading/R1/any"
    assert _renamed("reading/R1/mass", ours) == "reading/R1/mass"
    assert _renamed("age", ours) == "age"


def test_an_absent_modality_has_no_items_of_the_right_shape(store):
    alone = JoinedStore([Part(store, [3], Names({}, {}))], LAYOUT)
    items = alone.read(0).items("scan")
    assert (items.shape, items.dtype) == ((0, 1, 8, 8), np.dtype("uint8"))
    assert alone.lengths("scan").tolist() == [0]


def test_descriptors_take_the_place_of_images(store):
    layout = Layout({"scan": ModalityFacts("vectors", width=2)}, ("bleed",), 8)
    described = {"scan": [np.ones((3, 2), np.float32)]}
    alone = JoinedStore([Part(store, [2], Names({"bleed": "bleed"}, {"scan": "image"}), described)], layout)
    assert alone.read(0).vectors("scan").tolist() == [[1, 1]] * 3


def test_it_goes_to_another_process_and_other_rows_are_another_store(store, joined):
    again = pickle.loads(pickle.dumps(joined))
    assert (again.study_ids, again.fingerprint) == (joined.study_ids, joined.fingerprint)
    other = JoinedStore([Part(store, [4], Names({}, {}))], LAYOUT)
    assert other.fingerprint != joined.fingerprint
