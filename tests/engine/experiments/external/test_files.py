"""The files of an evaluation on a second cohort."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from cohorts import folder_cohort, prepared

from mmdx.data.cohorts.names import Names
from mmdx.engine.experiments.external.files import (
    earlier_scores,
    keep_internal,
    keep_validation,
    only_joined,
    only_read,
)
from mmdx.errors import UsageError
from mmdx.files import BASELINES, BOXES, BOXES_TRUTH, EVALUATION, SLICES, RunLayout, write_text

HEAD = "study_id,patient_id,shown,finding,label,score\n"


def test_rows_of_findings_that_are_not_joined_go_and_boxes_without_truth(tmp_path: Path):
    store = prepared(folder_cohort(tmp_path / "raw"), tmp_path / "store")
    place = RunLayout(tmp_path / "out")
    write_text(place.scores("test"), f"{HEAD}007,p,image,bleed,1,0.5\n007,p,image,mass,,0.5\n")
    write_text(place.scores("test", SLICES), f"{HEAD}007,p,image,bleed,,0.5\n")
    write_text(place.scores("test", BOXES), f"{HEAD}007,p,image,bleed,,0.5\n")
    write_text(place.scores("test", BOXES_TRUTH), f"{HEAD}007,p,image,mass,,0.5\n")
    lines = only_joined(place, Names({"bleed": "bleed"}, {}), store)
    assert place.scores("test").read_text() == f"{HEAD}007,p,image,bleed,1,0.5\n"
    assert lines == [
        f"boxes are left out: {store.folder} has none to hold them against",
        f"test_slices.csv: scores alone, for {store.folder} labels no slices",
    ]
    assert not place.scores("test", BOXES).exists()


def test_baselines_of_an_input_that_nobody_has_go(tmp_path: Path):
    place = RunLayout(tmp_path)
    rows = "".join(f"s,p,{arm},bleed,1,0.5\n" for arm in ("constant", "TF-IDF report", "TF-IDF history"))
    write_text(place.scores("test", BASELINES), HEAD + rows)
    assert only_read(place, ["report"]) == ["baseline 'TF-IDF report' left out: no study has it"]
    assert pd.read_csv(place.scores("test", BASELINES))["shown"].tolist() == ["constant", "TF-IDF history"]


def test_validation_scores_are_kept_and_their_want_is_said(tmp_path: Path):
    run, place = RunLayout(tmp_path / "run"), RunLayout(tmp_path / "out")
    assert "no thresholds to carry over" in (keep_validation(run, place) or "")
    place.predictions.mkdir(parents=True)
    write_text(run.scores("val"), f"{HEAD}s,p,image,bleed,1,0.5\n")
    assert keep_validation(run, place) is None
    assert place.scores("val").read_text() == run.scores("val").read_text()
    write_text(run.folds, "")
    write_text(run.scores("test"), f"{HEAD[:-1]},fold\ns,p,image,bleed,0,0.25,1\n")
    assert keep_validation(run, place) is None
    assert place.scores("val").read_text() == f"{HEAD}s,p,image,bleed,0,0.25\n"


def test_test_scores_of_the_run_are_kept_where_there_are_any(tmp_path: Path):
    run, place = RunLayout(tmp_path / "run"), RunLayout(tmp_path / "out")
    keep_internal(run, place)
    place.predictions.mkdir(parents=True)
    write_text(run.scores("test"), f"{HEAD}s,p,image,bleed,1,0.5\n")
    keep_internal(run, place)
    assert (place.predictions / "internal.csv").read_text() == run.scores("test").read_text()


def test_scores_of_an_earlier_evaluation_are_known_and_those_of_others_are_refused(tmp_path: Path):
    place = RunLayout(tmp_path)
    assert earlier_scores(place) == []
    write_text(place.scores("test", BASELINES), HEAD)
    with pytest.raises(UsageError, match="holds other scores"):
        earlier_scores(place)
    write_text(place.predictions / EVALUATION, "{}")
    assert earlier_scores(place) == [place.scores("test", BASELINES)]
    write_text(place.config, "")
    with pytest.raises(UsageError, match="holds a run"):
        earlier_scores(place)
