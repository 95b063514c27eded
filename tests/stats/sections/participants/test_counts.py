"""The steps from the source to the scores add up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from run_by_hand import write_run

from mmdx.files import RunLayout
from mmdx.stats.cohort.enrolled import Enrolled, read_enrolled
from mmdx.stats.sections.participants.counts import Part, flow_of


@pytest.fixture
def enrolled(tmp_path: Path) -> Enrolled:
    run = RunLayout(write_run(tmp_path))
    found = read_enrolled(run.folder, run.scores("test"), "run")
    assert found is not None
    return found


def test_each_step_is_counted(enrolled: Enrolled):
    flow = flow_of(enrolled, None)
    assert (flow.found, flow.quarantined, flow.reasons) == (10, 2, {"no image": 2})
    assert (flow.stored, flow.stored_patients, flow.dealt, flow.mismatch, flow.unscored) == (8, 8, 8, 0, 0)
    assert flow.finding == "bleed"  # the only one leads
    assert flow.parts == (
        Part("train", 2, 2, 0, 2, 1, {"report": 1}),
        Part("val", 2, 2, 0, 2, 1),
        Part("test", 4, 4, 0, 4, 2),
    )
    assert flow.scored == Part("scored", 4, 4, 0, 4, 2)


def test_what_was_not_scored_not_labelled_and_not_stored_is_told(enrolled: Enrolled):
    labels = enrolled.labels.assign(bleed=[np.nan] * 3 + [1.0] * 5, other=[np.nan, 0, np.nan] + [np.nan] * 5)
    lost = replace(enrolled, scored=np.arange(8) > 4, labels=labels, store={**enrolled.store, "studies": 9})
    flow = flow_of(lost, "bleed")
    assert (flow.unscored, flow.mismatch) == (1, 1)
    assert [(part.unlabelled, part.known, part.positive) for part in flow.parts] == [(1, 0, 0), (1, 1, 1), (0, 4, 4)]
    assert flow_of(lost, None).finding is None  # of two findings none leads by itself


def test_a_run_of_before_leaves_open_what_it_does_not_say(enrolled: Enrolled):
    flow = flow_of(replace(enrolled, labels=enrolled.labels[[]], store={}), "bleed")
    assert (flow.found, flow.stored, flow.finding) == (None, None, None)
    assert flow.parts[0] == Part("train", 2, 2, None, None, None, {"report": 1})


def test_folds_are_scored_whole(enrolled: Enrolled):
    flow = flow_of(replace(enrolled, folds=True, parts=tuple("01010101"), scored=np.arange(8) > 0), None)
    assert ([part.name for part in flow.parts], flow.unscored) == (["0", "1"], 1)
