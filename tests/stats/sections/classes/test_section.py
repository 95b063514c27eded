"""The section on groups of classes and challenge scores."""

from __future__ import annotations

import numpy as np
from asking import ask
from scored import cohort_of

from mmdx.stats.cohort.cohort import Cohort
from mmdx.stats.report.plots import svg
from mmdx.stats.sections.classes.section import groups_section


def group_cohort(rows: int = 30, *, absent: bool = False) -> Cohort:
    """Class by class in turn; the first model is always right, the second says the first class."""
    classes = ("DIAG/BCC", "DIAG/MEL", "DIAG/NEV")
    labels = np.eye(3)[np.arange(rows) % (2 if absent else 3)]
    labels[0] = np.nan
    return cohort_of(
        labels,
        [np.nan_to_num(labels), np.tile([1.0, 0, 0], (rows, 1))],
        names=("model 0", "model 1"),
        findings=classes,
    )


def test_a_group_has_a_table_a_sentence_and_matrices():
    section = ask(groups_section, group_cohort(), resamples=100, seed=0)
    assert section is not None
    (sheet,), (plot,) = section.sheets, section.plots
    assert sheet.title == "DIAG: 3 classes (BCC, MEL, NEV)"
    assert sheet.rows[0][1] == "1.000 [1.000, 1.000]"
    assert sheet.rows[1][1].startswith("0.333 [")
    assert section.sentences[0].startswith(
        "DIAG, balanced accuracy over 29 patients: model 0 1.000 (95 % interval 1.000 to 1.000); model 1 0.333"
    )
    assert "DIAG: 1 of 30 rows are of unknown class and left out." in section.notes
    counted = plot.numbers[plot.numbers["model"] == "model 1"].pivot(
        index="true class", columns="given class", values="rows"
    )
    assert counted["BCC"].to_dict() == {"BCC": 9, "MEL": 10, "NEV": 10}
    assert "given by model 1" in svg(plot)


def test_a_class_without_rows_is_named():
    section = ask(groups_section, group_cohort(absent=True), resamples=50, seed=0)
    assert section is not None
    assert any("no row is of class NEV" in note for note in section.notes)
    assert section.record["DIAG"]["models"]["model 0"]["balanced_accuracy"]["value"] == 1


def test_too_few_patients_of_a_class_have_no_interval():
    section = ask(groups_section, group_cohort(8), resamples=50, seed=0)
    assert section is not None
    assert section.sheets[0].rows[0][1] == "1.000 [–]"
    assert section.sentences[0].endswith("No intervals: 2 patients of class BCC, and 3 are needed.")


def test_without_groups_and_challenges_there_is_nothing_to_say():
    labels = np.array([[1.0], [0.0]])
    assert ask(groups_section, cohort_of(labels, [labels], findings=("edema",)), resamples=10, seed=0) is None
