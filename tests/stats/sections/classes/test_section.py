"""The section on groups of classes and challenge scores."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from asking import ask

from mmdx.data.readers._rsna import FINDINGS
from mmdx.stats.cohort.cohort import Arm, Cohort, Scored
from mmdx.stats.report.plots import svg
from mmdx.stats.sections.classes.section import AS_LABELLED, groups_section

TASKS = {
    "DIAG": ("BCC", "NEV", "MEL", "MISC", "SK"),
    "PN": ("ABS", "TYP", "ATP"),
    **dict.fromkeys(("VS", "PIG", "STR", "DaG"), ("ABS", "REG", "IR")),
    **dict.fromkeys(("BWV", "RS"), ("ABS", "PRS")),
}


def cohort(findings: tuple[str, ...], labels: np.ndarray, *scores: np.ndarray) -> Cohort:
    unknown = np.full_like(labels, np.nan)
    return Cohort(
        arms=tuple(Arm(f"model {n}", "run", f"model {n}", "file.csv") for n in range(len(scores))),
        unit="study",
        studies=len(labels),
        findings=findings,
        names=tuple(f"s{i}" for i in range(len(labels))),
        patients=np.arange(len(labels)),
        labels=labels,
        scored=tuple((Scored(each, unknown, unknown),) for each in scores),
        traits=pd.DataFrame(index=range(len(labels))),
    )


def group_cohort(rows: int = 30, *, absent: bool = False) -> Cohort:
    """Class by class in turn; the first model is always right, the second says the first class."""
    classes = ("DIAG/BCC", "DIAG/MEL", "DIAG/NEV")
    labels = np.eye(3)[np.arange(rows) % (2 if absent else 3)]
    labels[0] = np.nan
    return cohort(classes, labels, np.nan_to_num(labels), np.tile([1.0, 0, 0], (rows, 1)))


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
    assert ask(groups_section, cohort(("edema",), labels, labels), resamples=10, seed=0) is None


def test_the_rsna_findings_have_the_challenges_loss():
    labels = np.zeros((10, 6))
    section = ask(groups_section, cohort(FINDINGS, labels, np.full((10, 6), 0.5)), resamples=100, seed=0)
    assert section is not None
    assert section.sheets[0].rows[0][1] == "0.693 [0.693, 0.693]"
    assert "1e-15" in section.notes[0]
    assert section.plots == ()


def test_the_checklist_is_held_against_melanoma():
    """Melanomas have an atypical network and irregular streaks, 3 points; nevi a blue-whitish veil, 2 points."""
    findings = tuple(f"{group}/{name}" for group, names in TASKS.items() for name in names)
    rows = []
    for number in range(40):
        present = {"DIAG": "MEL", "PN": "ATP", "STR": "IR"} if number % 2 else {"DIAG": "NEV", "BWV": "PRS"}
        words = {group: present.get(group, "ABS") for group in TASKS}
        rows.append([float(words[f.partition("/")[0]] == f.partition("/")[2]) for f in findings])
    labels = np.array(rows)
    section = ask(groups_section, cohort(findings, labels, 1 - labels), resamples=100, seed=0)
    assert section is not None
    last = section.sheets[-1]
    assert [row[0] for row in last.rows] == ["model 0", AS_LABELLED]
    assert last.rows[1][1:5] == ("–", *["1.000 [1.000, 1.000]"] * 3)
    assert section.record["seven-point checklist"]["models"]["model 0"]["auroc_melanoma"]["value"] == pytest.approx(0)
