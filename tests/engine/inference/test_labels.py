"""Labels that came with a study go beside its scores."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

from members import write_member

from mmdx.engine.assembly.saved import load_model
from mmdx.engine.inference.arrays import ArrayStudy
from mmdx.engine.inference.labels import known_labels, known_slice_labels
from mmdx.study import Study


def test_labels_are_the_known_ones_of_the_findings_of_the_model(tmp_path: Path) -> None:
    saved = load_model(write_member(tmp_path, seed=0, findings=("bleed", "fracture")))
    study = Study("s", "p", {}, {"fracture": 1.0, "bleed": math.nan, "other": 0.0})
    assert known_labels(saved, study) == {"fracture": 1.0}
    assert known_labels(saved, ArrayStudy({})) == {}


def test_labels_of_slices_go_under_the_only_modality_or_that_of_the_head(tmp_path: Path) -> None:
    heads = {"slice": {"type": "slice", "modality": "image"}}
    saved = load_model(write_member(tmp_path, seed=0, findings=("bleed",), heads=heads))
    told = {"scan": {"bleed": (0.0, 1.0), "other": (1.0, 1.0)}}
    study = Study("s", "p", {}, slice_labels=told)
    assert known_slice_labels(saved, study) == {"bleed": (0.0, 1.0)}
    two = replace(study, slice_labels={**told, "bone": {"bleed": (1.0, 1.0)}})
    assert known_slice_labels(saved, two) == {}
    assert known_slice_labels(saved, replace(study, slice_labels={**told, "image": {"bleed": (1.0, 0.0)}})) == {
        "bleed": (1.0, 0.0)
    }
