import json

import numpy as np
import pytest
from asking import ask
from scored import cohort_of

from mmdx.stats.sections.confusion import confusion_section

LABELS = np.array([[1.0]] * 4 + [[0.0]] * 6 + [[np.nan]])
SCORES = [np.array([0.9, 0.8, 0.5, 0.2, 0.7, 0.4, 0.3, 0.2, 0.1, 0.1, 0.99])[:, None]]


def test_counts_and_shares_by_hand():
    section = ask(confusion_section, cohort_of(LABELS, SCORES, threshold=0.5), resamples=100, seed=0)
    assert section is not None
    shares, counts = section.sheets
    assert counts.rows == (("f0 · arm0", "0.500", "3", "1", "1", "5"),)
    # Wilson's intervals of 3 of 4, 5 of 6, 3 of 4 and 5 of 6.
    assert shares.rows[0][1:3] == ("0.750 [0.301, 0.954]", "0.833 [0.436, 0.970]")
    assert shares.rows[0][3:] == shares.rows[0][1:3]
    assert "Wilson" in section.notes[1]
    (plot,) = section.plots
    assert plot.numbers.iloc[0].tolist() == ["f0", "arm0", 3, 1, 1, 5]
    json.dumps(section.record, allow_nan=False)


def test_rows_of_one_patient_are_resampled_together():
    patients = np.repeat(np.arange(40), 2)
    labels = (np.arange(80) % 3 == 0).astype(float)[:, None]
    scores = [np.where(np.arange(80) % 5 == 0, 1 - labels[:, 0], labels[:, 0])[:, None]]
    section = ask(confusion_section, cohort_of(labels, scores, threshold=0.5, patients=patients), resamples=200, seed=0)
    assert section is not None
    found = section.record[0]["shares"]["sensitivity"]
    assert found["value"] == pytest.approx(21 / 27)
    assert found["low"] < found["value"] < found["high"]
    assert "resamples of patients" in section.notes[1]


def test_thresholds_of_folds_hold_for_their_own_rows():
    cohort = cohort_of(LABELS, SCORES, threshold=0.5)
    cohort.scored[0][0].thresholds[:4] = 0.85
    section = ask(confusion_section, cohort, resamples=100, seed=0)
    assert section is not None
    assert section.sheets[1].rows == (("f0 · arm0", "0.500–0.850", "1", "3", "1", "5"),)


def test_one_class_leaves_a_share_undefined():
    section = ask(
        confusion_section, cohort_of(np.ones((6, 1)), [np.full((6, 1), 0.5)], threshold=0.5), resamples=100, seed=0
    )
    assert section is not None
    assert section.sheets[0].rows[0][2] == "undefined"


def test_no_threshold_no_section_and_a_finding_without_is_named():
    assert ask(confusion_section, cohort_of(LABELS, SCORES), resamples=100, seed=0) is None
    labels, scores = np.hstack([LABELS, LABELS]), [np.hstack([SCORES[0], SCORES[0]])]
    cohort = cohort_of(labels, scores, threshold=0.5)
    cohort.scored[0][0].thresholds[:, 1] = np.nan
    section = ask(confusion_section, cohort, resamples=100, seed=0)
    assert section is not None
    assert section.notes[-1] == "No threshold could be chosen for f1."
    assert len(section.sheets[0].rows) == 1


def test_more_than_four_models_take_another_plot():
    section = ask(confusion_section, cohort_of(LABELS, SCORES * 5, threshold=0.5), resamples=100, seed=0)
    assert section is not None
    assert [plot.name for plot in section.plots] == ["confusion", "confusion_2"]
    assert set(section.plots[1].numbers["model"]) == {"arm4"}
