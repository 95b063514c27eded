import numpy as np
from asking import ask
from scored import cohort_of

from mmdx.stats.sections.disagreements import disagreements_section

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
