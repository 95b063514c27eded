"""Which findings are learnt, and which of them leads."""

from __future__ import annotations

import pytest
from planning import cohort, label

from mmdx.engine.planning.rules.labels import choose_findings, choose_primary
from mmdx.errors import DataError


def test_findings_with_too_few_patients_of_a_class_are_left_out_and_named() -> None:
    labels = {"bleed": label(20, 80), "rare": label(2, 98), "all": label(97, 3), "certain": label(100, 0)}
    findings = choose_findings(cohort(labels=labels))
    assert findings.names == ("bleed", "all")
    assert findings.wanting == ("all",)
    assert "Left out, for nothing can be learnt of them: rare (2 with, 98 without), certain (100 with, 0 without)." in (
        findings.choices[0].reason
    )


def test_patients_of_validation_and_test_teach_nothing() -> None:
    labels = {"bleed": label(20, 80, taught=2), "tumour": label(20, 80)}
    assert choose_findings(cohort(labels=labels)).names == ("tumour",)


@pytest.mark.parametrize(
    ("labels", "primary"),
    [
        ({"any": label(90, 10), "bleed": label(50, 50)}, "any"),
        ({"bleed": label(5, 95)}, "bleed"),
        ({"a": label(5, 95), "b": label(30, 70), "c": label(80, 20)}, "b"),
        ({"a": label(30, 70), "b": label(70, 30)}, "a"),
    ],
)
def test_the_finding_that_leads(labels: dict, primary: str) -> None:
    assert choose_primary(cohort(labels=labels), list(labels))[0] == primary


def test_a_plan_without_labels_is_refused_in_one_line() -> None:
    with pytest.raises(DataError, match="raw: no study has a label, so nothing can be learnt"):
        choose_findings(cohort(labels={}))
    with pytest.raises(DataError, match=r"no finding has 3 patients to train on with it .* \(bleed 1 and 99\)"):
        choose_findings(cohort(labels={"bleed": label(1, 99)}))
