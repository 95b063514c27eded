from dataclasses import replace

import numpy as np
import pytest
from asking import ask
from scored import cohort_of

from mmdx.stats.sections.disagreements import apart_by_finding, disagreements_section

LABELS = np.array([[1.0, 0], [0, 1], [1, np.nan]])
FIRST = np.array([[0.9, 0.2], [0.8, 0.6], [0.5, 0.9]])
SECOND = np.array([[0.1, 0.2], [0.2, 0.9], [0.5, 0.0]])


def test_the_farthest_rows_stand_first_with_who_was_right():
    section = ask(disagreements_section, cohort_of(LABELS, [FIRST, SECOND], names=("both", "ct")), resamples=1, seed=0)
    assert section is not None
    (sheet,) = section.sheets
    assert sheet.header == ("study", "finding", "label", "both", "ct", "nearer")
    # An unknown label makes nobody right, and equal scores no disagreement.
    assert sheet.rows == (
        ("s0", "f0", "present", "0.900", "0.100", "both"),
        ("s1", "f0", "absent", "0.800", "0.200", "ct"),
        ("s1", "f1", "present", "0.600", "0.900", "ct"),
    )
    said = "0.5 or more apart for 2 of 5 labels; both is nearer to 1 of these labels, ct to 1."
    assert section.sentences[0].endswith(said)
    assert section.record[0] == {
        "arm": "ct",
        "row": "s0",
        "finding": "f0",
        "label": 1,
        "reference_score": 0.9,
        "score": 0.1,
    }


def test_at_most_ten_rows():
    labels = np.zeros((30, 1))
    section = ask(disagreements_section, cohort_of(labels, [labels, labels + 1]), resamples=1, seed=0)
    assert section is not None
    assert [row[0] for row in section.sheets[0].rows] == [f"s{i}" for i in range(10)]


def test_nothing_to_disagree_on():
    assert ask(disagreements_section, cohort_of(LABELS, [FIRST]), resamples=1, seed=0) is None
    assert ask(disagreements_section, cohort_of(LABELS, [FIRST, FIRST]), resamples=1, seed=0) is None
    baseline = cohort_of(LABELS, [FIRST, SECOND], kinds=("model", "baseline"))
    assert ask(disagreements_section, baseline, resamples=1, seed=0) is None


def test_of_each_finding_the_two_studies_that_lie_farthest_apart_are_worth_a_look():
    third = np.array([[0.9, 0.2], [0.8, 0.0], [0.4, 0.9]])
    cohort = cohort_of(LABELS, [FIRST, SECOND, third], names=("both", "ct", "report"))
    assert [(one.name, one.finding, one.label, one.arms, one.scores) for one in apart_by_finding(cohort)] == [
        ("s0", "f0", 1, ("both", "ct"), (0.9, 0.1)),
        ("s1", "f0", 0, ("both", "ct"), (0.8, 0.2)),
        ("s1", "f1", 1, ("both", "report"), (0.6, 0.0)),
    ]


def test_what_is_worth_a_look_is_told_by_calibrated_scores():
    cohort = cohort_of(LABELS, [FIRST, SECOND], temperature=2.0)
    (first, *_) = apart_by_finding(cohort)
    assert first.scores == pytest.approx((0.75, 0.25))  # the odds of 9 and 1/9, to the power of a half


def test_no_more_than_twelve_are_worth_a_look_each_finding_before_any_twice():
    labels, apart = np.zeros((3, 20)), np.tile(np.linspace(0.1, 0.9, 20), (3, 1))
    found = apart_by_finding(cohort_of(labels, [labels, apart]))
    assert [one.finding for one in found] == [f"f{column}" for column in range(8, 20)]


def test_rows_that_are_no_studies_are_not_shown():
    assert apart_by_finding(replace(cohort_of(LABELS, [FIRST, SECOND]), unit="patient")) == ()
    assert apart_by_finding(cohort_of(LABELS, [FIRST, FIRST])) == ()
