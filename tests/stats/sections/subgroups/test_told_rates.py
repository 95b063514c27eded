"""What is said of error rates of subgroups."""

from __future__ import annotations

import json

import numpy as np
import pytest
from arms_by_hand import cohort_of, halves, noisy, wild
from asking import ask

from mmdx.stats.sections.subgroups.section import subgroups_section

LABELS = halves(160, findings=1)
SITES = ["a" if i < 80 else "b" for i in range(160)]


def section_of(scores, threshold: float = 0.5):
    made = cohort_of(LABELS, {"model": scores}, traits={"site": SITES}, threshold=threshold)
    return ask(subgroups_section, made, resamples=200)


def test_a_gap_is_told_and_none_is_told():
    scores = 0.1 + 0.8 * LABELS
    scores[-40:] = 0.1
    section = section_of(scores)
    assert any("(FNR) of model differs by site:" in told for told in section.sentences)
    assert [sheet.title for sheet in section.sheets[-2:]] == [
        "Error rates of subgroups",
        "The largest gap of each rate",
    ]
    json.dumps(section.record, allow_nan=False)
    alike = section_of(noisy(LABELS, 2.0))
    assert alike.sentences[-1].startswith("No gap in the error rates or the calibration of model between subgroups")


def test_without_thresholds_a_note_says_so():
    section = section_of(noisy(LABELS, 2.0), threshold=np.nan)
    assert section.notes[-1].startswith("No error rates: validation chose no threshold")
    assert len(section.sheets) == 2


@pytest.mark.parametrize("name", wild())
def test_wild_cohorts_end_in_words(name):
    section = ask(subgroups_section, wild()[name], resamples=100)
    if section is not None:
        json.dumps(section.record, allow_nan=False)
        assert "nan" not in " ".join(section.sentences)
