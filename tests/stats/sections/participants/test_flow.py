"""The section on the flow of studies: what it says, and what it does where a run says less."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from asking import ask
from run_by_hand import write_run
from scored import cohort_of

from mmdx.files import RunLayout
from mmdx.stats.cohort.cohort import read_cohort
from mmdx.stats.cohort.enrolled import read_enrolled
from mmdx.stats.report.section import Section
from mmdx.stats.sections.participants.flow import flow_section, section_of


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_run(tmp_path)


def asked(run: Path) -> Section:
    section = ask(flow_section, read_cohort([run]), resamples=200)
    assert section is not None
    return section


def test_it_says_what_was_found_lost_and_scored(run: Path):
    section = asked(run)
    assert section.sentences == (
        "Of 10 studies found in the source, 2 could not be stored; 8 studies of 8 patients remain.",
        "Scored: 4 studies of 4 patients.",
    )
    (sheet,) = section.sheets
    assert sheet.header == (
        "step",
        "studies",
        "patients",
        "bleed, positive of known",
        "no known label",
        "without report",
    )
    assert sheet.rows == (
        ("found in the source", "10", "–", "–", "–", "–"),
        ("could not be stored", "2", "–", "–", "–", "–"),
        ("… no image", "2", "–", "–", "–", "–"),
        ("stored", "8", "8", "–", "–", "–"),
        ("train", "2", "2", "1 of 2", "0", "1"),
        ("val", "2", "2", "1 of 2", "0", "0"),
        ("test", "4", "4", "2 of 4", "0", "0"),
        ("scored", "4", "4", "2 of 4", "0", "0"),
    )
    assert section.record["parts"][0]["without"] == {"report": 1}
    assert [plot.name for plot in section.plots] == ["flow"]


def test_what_a_run_does_not_say_is_named(run: Path):
    RunLayout(run).labels.unlink()
    enrolled = read_enrolled(run, RunLayout(run).scores("test"), "run")
    assert enrolled is not None
    store = {**enrolled.store, "quarantine_reasons": {}, "studies": 9}
    section = section_of(replace(enrolled, store=store, scored=np.arange(8) > 4, refitted=True), None)
    assert section.sentences[-2:] == (
        "1 study that should have been scored has no score.",
        "The counts do not add up: the store had 9 studies, the run names 8, and no file says why.",
    )
    assert "The run has no labels.csv: how many studies have no known label is not known." in section.notes
    assert "The run does not record why studies could not be stored; quarantine.csv of the store does." in section.notes
    assert any("then taught, too" in note for note in section.notes)
    assert section.sheets[0].rows[3][-2] == "–"


def test_scores_outside_of_a_run_have_no_flow():
    labels = np.array([[0.0], [1.0]])
    assert ask(flow_section, cohort_of(labels, [labels]), resamples=200) is None
