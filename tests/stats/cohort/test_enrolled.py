"""Whom a run stands on, read from its files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from run_by_hand import write_run

from mmdx.files import EVALUATION, RunLayout, write_text
from mmdx.stats.cohort.cohort import Arm
from mmdx.stats.cohort.enrolled import Enrolled, enrolled_of, joined, read_enrolled


def read(folder: Path) -> Enrolled:
    enrolled = read_enrolled(folder, RunLayout(folder).scores("test"), "run")
    assert enrolled is not None
    return enrolled


def test_every_study_of_a_run_with_its_split_label_and_facts(tmp_path: Path):
    enrolled = read(write_run(tmp_path))
    assert enrolled.names == ("train", "val", "test")
    assert enrolled.parts == ("train",) * 2 + ("val",) * 2 + ("test",) * 4
    assert enrolled.labels["bleed"].tolist() == [0, 1] * 4
    assert enrolled.facts["age"].tolist() == list(range(50, 58))
    assert enrolled.scored.tolist() == [False] * 4 + [True] * 4
    having = enrolled.having()
    assert having["image"].all()
    assert having["report"].tolist() == [False] + [True] * 7
    assert (enrolled.store["studies"], enrolled.store["quarantine_reasons"]) == (8, {"no image": 2})
    assert (enrolled.folds, enrolled.refitted, enrolled.second, enrolled.taught) == (False, False, None, None)


def test_folds_stand_in_the_order_of_their_numbers(tmp_path: Path):
    run = RunLayout(write_run(tmp_path))
    folds = [10, 2, 0, 1, 2, 1, 0, 10]
    write_text(run.folds, "".join(["study_id,patient_id,fold\n", *(f"s{i},p{i},{f}\n" for i, f in enumerate(folds))]))
    enrolled = read(run.folder)
    assert (enrolled.folds, enrolled.names) == (True, ("0", "1", "2", "10"))


def test_a_run_of_before_has_no_labels(tmp_path: Path):
    run = RunLayout(write_run(tmp_path))
    run.labels.unlink()
    assert list(read(run.folder).labels) == []


def test_facts_of_modalities_that_no_model_reads_are_left_out(tmp_path: Path):
    scores = str(RunLayout(write_run(tmp_path)).scores("test"))
    by_image = enrolled_of([Arm("image", "run", "image", scores)])
    assert by_image is not None
    assert list(by_image.having()) == ["image"]
    stack = enrolled_of([Arm("stack", "run", "stack", scores)])  # it may be made of any of them
    assert stack is not None
    assert list(stack.having()) == ["image", "report"]


def test_predictions_outside_of_a_run_say_nothing(tmp_path: Path):
    scores = RunLayout(write_run(tmp_path)).scores("test")
    lone = tmp_path / "lone.csv"
    lone.write_bytes(scores.read_bytes())
    baseline = Arm("constant", "run", "constant", str(scores), "baseline")
    assert enrolled_of([Arm("image", "run", "image", str(lone)), baseline]) is None
    RunLayout(tmp_path / "run").environment.unlink()
    assert enrolled_of([Arm("image", "run", "image", str(scores))]) is None


@pytest.fixture
def second(tmp_path: Path) -> Enrolled:
    """Four studies of an evaluation on a second cohort, whose patients are called like some of the first."""
    run = write_run(tmp_path)
    place = RunLayout(run / "external" / "there")
    rows = [(f"s{i}", f"p{i}", 70 + i, i % 2) for i in range(4)]
    write_text(
        place.studies, "".join(["study_id,patient_id,split,age\n", *(f"{s},{p},test,{a}\n" for s, p, a, _ in rows)])
    )
    write_text(place.labels, "".join(["study_id,patient_id,bleed\n", *(f"{s},{p},{y}\n" for s, p, _, y in rows)]))
    scores = "".join(f"{s},{p},image,bleed,{y},0.5\n" for s, p, _, y in rows)
    write_text(place.scores("test"), f"study_id,patient_id,shown,finding,label,score\n{scores}")
    write_text(place.environment, json.dumps({"store": {"studies": 6, "patients": 5, "quarantined": 0}}))
    record = {"run": str(run), "trained": {}, "left_out": {"their patients taught the run": 2}}
    write_text(place.predictions / EVALUATION, json.dumps(record))
    return read(place.folder)


def test_an_evaluation_on_a_second_cohort_knows_who_taught_its_run(second: Enrolled):
    assert second.second == {"their patients taught the run": 2}
    assert second.taught is not None
    both = joined(second.taught, second)
    assert both.parts == ("train",) * 2 + ("test",) * 4
    assert both.facts["age"].tolist() == [50, 51, 70, 71, 72, 73]
    assert list(both.facts) == ["age"]  # the other facts are of one cohort alone
    assert len(np.unique(both.patients)) == 6  # equal names of two cohorts are two patients
    pd.testing.assert_series_equal(both.labels["bleed"], pd.Series([0.0, 1, 0, 1, 0, 1], name="bleed"))
