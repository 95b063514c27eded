"""What is shown to a model, and the files that scores leave in."""

from __future__ import annotations

import pandas as pd
import pytest

from mmdx.engine.scoring.score import default_showings, parse_shown, write_predictions
from mmdx.errors import UsageError


def test_everything_then_each_modality_alone():
    assert default_showings(["ct", "report"]) == [("ct", "report"), ("ct",), ("report",)]
    assert default_showings(["ct"]) == [("ct",)]


def test_of_three_modalities_each_is_also_the_one_that_is_missing():
    assert default_showings(["ct", "pet", "report"]) == [
        ("ct", "pet", "report"),
        *(("pet", "report"), ("ct", "report"), ("ct", "pet")),
        *(("ct",), ("pet",), ("report",)),
    ]


def test_shown_modalities_stand_in_the_order_of_the_model():
    assert parse_shown("report + ct", ["ct", "report"]) == ("ct", "report")
    with pytest.raises(UsageError, match="--show ct\\+repotr: the model reads no 'repotr'; did you mean 'report'"):
        parse_shown("ct+repotr", ["ct", "report"])


def test_unknown_labels_are_empty_and_scores_have_seven_digits(tmp_path):
    row = {"study_id": "007", "patient_id": "p", "shown": "ct", "finding": "a"}
    frame = pd.DataFrame([row | {"label": 1.0, "score": 0.123456789}, row | {"label": float("nan"), "score": 1e-9}])
    write_predictions(tmp_path / "deep" / "test.csv", [frame])
    assert (tmp_path / "deep" / "test.csv").read_text().splitlines() == [
        "study_id,patient_id,shown,finding,label,score",
        "007,p,ct,a,1,0.1234568",
        "007,p,ct,a,,1e-09",
    ]
