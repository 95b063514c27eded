"""Descriptors lie in a store as their files hold them."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
from raw_studies import study, vectors, written

from mmdx.data.store.kinds import ModalityFacts
from mmdx.data.store.layout import layout_of
from mmdx.study import Box, Order


def test_vectors_are_stored_as_they_are_and_empty_where_there_are_none(tmp_path: Path) -> None:
    given = study("a", {"slide": vectors(tmp_path / "a.npy", [[1, 2, 3], [4, 5, 6]])})
    assert layout_of([given], size=8).modalities == {"slide": ModalityFacts("vectors", width=3)}
    (first, second), quarantine = written(tmp_path / "s.arrow", [given, study("b", {"report": "Fell."})])
    assert (first["slide"], first["slide.length"]) == ([1, 2, 3, 4, 5, 6], 2)
    assert (second["slide"], second["slide.length"]) == ([], 0)
    assert quarantine == []
    assert (first["slide.order"], first["slide.slice_labels"]) == (None, [])


def test_descriptors_of_slices_keep_their_order_labels_and_boxes(tmp_path: Path) -> None:
    found = dataclasses.replace(vectors(tmp_path / "a.npy", [[1, 2], [3, 4]]), order=Order("position", 5.0))
    labels = {"ct": {"bleed": (1.0, math.nan)}}
    box = Box("ct", 1, "bleed", 2.0, 3.0, 4.0, 5.0)
    (row,), quarantine = written(tmp_path / "s.arrow", [study("a", {"ct": found}, slice_labels=labels, boxes=(box,))])
    assert quarantine == []
    assert json.loads(row["ct.order"])["spacing_mm"] == 5
    assert row["ct.slice_labels"][0] == 1
    assert math.isnan(row["ct.slice_labels"][1])
    corners = {"x0": 2.0, "y0": 3.0, "x1": 4.0, "y1": 5.0}
    assert json.loads(row["boxes"]) == [{"modality": "ct", "image": 1, "finding": "bleed", **corners}]


def test_labels_and_boxes_that_fit_no_descriptor_quarantine_their_study(tmp_path: Path) -> None:
    found = vectors(tmp_path / "a.npy", [[1, 2], [3, 4]])
    studies = [
        study("few", {"ct": found}, slice_labels={"ct": {"bleed": (1.0,)}}),
        study("far", {"ct": found}, labels={"bleed": 1.0}, boxes=(Box("ct", 2, "bleed", 0.0, 0.0, 1.0, 1.0),)),
    ]
    rows, refused = written(tmp_path / "s.arrow", studies)
    assert rows == []
    assert [row["reason"] for row in refused] == [
        "1 slice labels for 2 descriptors of 'ct'; give one each",
        "a box points at image 2 of 'ct', of 2; count from 0",
    ]


def test_vectors_that_cannot_be_used_quarantine_their_study(tmp_path: Path) -> None:
    studies = [study(name, {"slide": vectors(tmp_path / f"{name}.npy", [[1, 2]])}) for name in ("a", "b", "nan")]
    studies.append(study("wide", {"slide": vectors(tmp_path / "wide.npy", [[1, 2, 3]])}))
    np.save(tmp_path / "nan.npy", np.array([[1, math.nan]], np.float32))
    rows, refused = written(tmp_path / "s.arrow", studies)
    assert [row["study_id"] for row in rows] == ["a", "b"]
    assert {row["study_id"]: row["reason"] for row in refused} == {
        "nan": "nan.npy: descriptor 0 has values that are no numbers (NaN or infinite) in float32",
        "wide": "'slide' holds vectors of width 3 here, but vectors of width 2 in the store; give it another name",
    }
