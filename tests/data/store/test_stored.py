"""One study of a store is read as what its columns hold."""

from __future__ import annotations

from pathlib import Path

import cohorts
import pytest


def test_a_study_gives_its_items_and_its_text(tmp_path: Path) -> None:
    study = cohorts.prepared(cohorts.folder_cohort(tmp_path / "raw"), tmp_path / "store").read(2)
    assert (study.study_id, study.patient_id, study.findings) == ("s02", "p02", ("bleed",))
    assert study.items("image")[:, 0, 0, 0].tolist() == [20, 21, 22]
    assert study.slice_labels("image").shape == (0, 1)
    assert (study.text("report"), study.traits(), study.boxes()) == ("Fell 2 times.", {"age": 42}, [])
    assert study.spacing("image") is None
    with pytest.raises(ValueError, match="'report' is text, which has no items"):
        study.items("report")
