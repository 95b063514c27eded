"""The seven-point checklist by hand."""

from __future__ import annotations

import numpy as np
import pytest
from asking import ask
from scored import cohort_of

from mmdx.data.readers import derm7pt
from mmdx.seven_points import SEVEN_POINTS
from mmdx.stats.sections.classes.section import groups_section
from mmdx.stats.sections.classes.seven_points import AS_LABELLED, seven_point_score

TASKS = {
    "DIAG": ("BCC", "NEV", "MEL", "MISC", "SK"),
    "PN": ("ABS", "TYP", "ATP"),
    **dict.fromkeys(("VS", "PIG", "STR", "DaG"), ("ABS", "REG", "IR")),
    **dict.fromkeys(("BWV", "RS"), ("ABS", "PRS")),
}


def test_the_criteria_are_findings_of_the_reader():
    classes = {f"{group}/{name}" for group, (_, names) in derm7pt.TASKS.items() for name in names}
    assert set(SEVEN_POINTS) <= classes


def test_the_checklist_adds_two_for_major_and_one_for_minor_criteria():
    groups = {
        group: [f"{group}/{name}" for name in names]
        for group, names in {
            **dict.fromkeys(("VS", "PIG", "STR", "DaG"), ("ABS", "REG", "IR")),
            "PN": ("ABS", "TYP", "ATP"),
            **dict.fromkeys(("BWV", "RS"), ("ABS", "PRS")),
        }.items()
    }
    findings = [finding for members in groups.values() for finding in members]

    def points(*present: str) -> float:
        last = {finding.partition("/")[0]: finding for finding in present}
        row = [float(last.get(f.partition("/")[0], f"{f.partition('/')[0]}/ABS") == f) for f in findings]
        return float(seven_point_score(np.array([row]), findings, groups)[0])

    assert points() == points("PN/TYP", "STR/REG") == 0
    assert points("PN/ATP") == 2
    assert points("PN/ATP", "STR/IR") == 3
    assert points("PN/ATP", "BWV/PRS", "VS/IR", "PIG/IR", "STR/IR", "DaG/IR", "RS/PRS") == 10


def test_the_checklist_is_held_against_melanoma():
    """Melanomas have an atypical network and irregular streaks, 3 points; nevi a blue-whitish veil, 2 points."""
    findings = tuple(f"{group}/{name}" for group, names in TASKS.items() for name in names)
    rows = []
    for number in range(40):
        present = {"DIAG": "MEL", "PN": "ATP", "STR": "IR"} if number % 2 else {"DIAG": "NEV", "BWV": "PRS"}
        words = {group: present.get(group, "ABS") for group in TASKS}
        rows.append([float(words[f.partition("/")[0]] == f.partition("/")[2]) for f in findings])
    labels = np.array(rows)
    section = ask(
        groups_section, cohort_of(labels, [1 - labels], names=("model 0",), findings=findings), resamples=100, seed=0
    )
    assert section is not None
    last = section.sheets[-1]
    assert [row[0] for row in last.rows] == ["model 0", AS_LABELLED]
    assert last.rows[1][1:5] == ("–", *["1.000 [1.000, 1.000]"] * 3)
    assert section.record["seven-point checklist"]["models"]["model 0"]["auroc_melanoma"]["value"] == pytest.approx(0)
