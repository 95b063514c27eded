"""The share of positives, among known labels of some rows."""

from __future__ import annotations

import math

import numpy as np
import pytest
from cohorts import folder_cohort, prepared, quiet, recipe

from mmdx.data.store.prepare import prepare_store
from mmdx.data.store.stored import StoredStudy
from mmdx.engine.assembly.facts import prevalence
from mmdx.schema import SplitOptions


def test_of_known_labels_in_the_rows_alone(tmp_path):
    """Every other study bleeds; of the second nobody knows."""
    store = prepared(folder_cohort(tmp_path / "raw"), tmp_path / "store")
    assert prevalence(store, [0, 1, 2, 3], ["bleed"]) == {"study": (pytest.approx(1 / 3),)}
    (unknown,) = prevalence(store, [1], ["bleed"])["study"]
    assert math.isnan(unknown)


def test_of_images_where_they_are_labelled_and_no_pixel_is_read(tmp_path, monkeypatch):
    phantom = recipe(tmp_path / "raw", reader="phantom", size=16, patients=6, matrix=64, prevalence=0.9)
    store = prepare_store(phantom, tmp_path / "out", SplitOptions(), quiet()[0])
    rows, findings = [0, 2, 3], list(reversed(store.findings))
    labels = {name: [store.read(row).slice_labels(name) for row in rows] for name in ("image",)}

    def refuse(*_: object) -> None:
        raise AssertionError("pixels were read")

    monkeypatch.setattr(StoredStudy, "pixels", refuse)
    shares = prevalence(store, rows, findings)
    assert shares["image"] == pytest.approx(np.concatenate(labels["image"]).mean(axis=0)[::-1])
    assert shares["study"] == pytest.approx(store.labels[rows].mean(axis=0)[::-1])
