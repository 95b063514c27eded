"""Tables of several members as one."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
import pytest
from members import write_member

from mmdx.engine.assembly.saved import SavedModel, load_model, write_ensemble
from mmdx.engine.scoring.ensemble import LOGIT, mean_boxes, mean_rows

THREE = math.log(3)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> SavedModel:
    home = tmp_path_factory.mktemp("members")
    write_ensemble(home / "both", [write_member(home / str(seed), seed=seed) for seed in (0, 1)])
    return load_model(home / "both")


def table(*rows: tuple[str, str, float, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["study_id", "finding", "score", LOGIT])


def test_rows_have_the_probability_of_the_mean_logit_and_no_logit(saved: SavedModel):
    one = table(("s", "bleed", 0.5, 0.0), ("s", "fracture", 0.75, THREE))
    other = table(("s", "bleed", 0.9, 2 * THREE), ("s", "fracture", 0.75, THREE))
    mean = mean_rows(saved, "study", [one, other])
    assert list(mean.columns) == ["study_id", "finding", "score", "spread"]
    assert mean["score"].tolist() == pytest.approx([0.75, 0.75])
    # Probabilities of 0.5 and 0.9 stand 0.2 from their mean.
    assert mean["spread"].tolist() == pytest.approx([0.2 * math.sqrt(2), 0])
    assert list(mean_rows(saved, "study", [one]).columns) == ["study_id", "finding", "score"]


def test_members_that_answered_for_other_rows_have_no_mean(saved: SavedModel):
    one, other = (table((study, "bleed", 0.5, 0.0), (study, "fracture", 0.5, 0.0)) for study in "st")
    with pytest.raises(ValueError, match="answered for other rows"):
        mean_rows(saved, "study", [one, other])


def test_without_a_head_for_boxes_there_are_none_to_join(saved: SavedModel):
    empty = (pd.DataFrame(), pd.DataFrame())
    assert mean_boxes(saved, [empty, empty]) == empty


def test_boxes_of_members_are_joined_and_their_truth_kept_once(tmp_path: Path):
    heads = {"study": "study", "boxes": {"type": "boxes", "levels": 1, "hidden": 8}}
    places = [write_member(tmp_path / str(seed), seed=seed, heads=heads) for seed in (0, 1)]
    write_ensemble(tmp_path / "both", places)
    columns = ["study_id", "patient_id", "shown", "finding", "slice", "x0", "y0", "x1", "y1", "score"]
    one, other = (
        pd.DataFrame([("s", "p", "image", "bleed", 0, 0.0, 0.0, 9.0, 9.0, score)], columns=columns)
        for score in (0.4, 0.8)
    )
    truth = pd.DataFrame({"study_id": ["s"]})
    boxes, kept = mean_boxes(load_model(tmp_path / "both"), [(one, truth), (other, truth)])
    assert boxes["score"].tolist() == pytest.approx([0.6])
    assert list(boxes.columns) == columns
    assert kept is truth
