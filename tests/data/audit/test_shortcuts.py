"""Facts that predict a finding by themselves."""

from __future__ import annotations

import numpy as np
from audited import store_facts

from mmdx.data.audit.shortcuts import check_shortcuts, grouped, known_facts

LABELS = [float(i % 2) for i in range(80)]


def test_a_scanner_that_tells_the_label_stands_out_and_age_does_not() -> None:
    rng = np.random.default_rng(0)
    sites = ["A" if rng.random() < (0.9 if y else 0.2) else "B" for y in LABELS]
    ages = rng.permutation(np.arange(80.0)).tolist()
    traits = [{"site": site, "age": age} for site, age in zip(sites, ages, strict=True)]
    warning, note = check_shortcuts(store_facts(labels={"bleed": LABELS}, traits=traits))
    assert (warning.kind, warning.severity, warning.figures["fact"]) == ("shortcut", "warning", "site")
    assert warning.figures["findings"]["bleed"]["low"] > 0.6
    assert set(note.figures["facts"]) == {"site", "age", "number in the study_id"}


def test_a_number_need_not_rise_with_the_label() -> None:
    ages = [50.0 + i % 3 if y else [20.0, 80.0][i // 2 % 2] + i % 3 for i, y in enumerate(LABELS)]
    traits: list[dict[str, str | float]] = [{"age": age} for age in ages]
    assert check_shortcuts(store_facts(labels={"bleed": LABELS}, traits=traits))[0].figures["fact"] == "age"


def test_ids_in_the_order_of_the_label() -> None:
    given = store_facts(labels={"bleed": sorted(LABELS)}, study_ids=[f"case{i:03d}" for i in range(80)])
    assert check_shortcuts(given)[0].figures["fact"] == "number in the study_id"


def test_words_of_the_ids() -> None:
    given = store_facts(
        labels={"bleed": LABELS}, study_ids=[f"{'ill' if y else 'well'}{i * 37 % 80}" for i, y in enumerate(LABELS)]
    )
    assert check_shortcuts(given)[0].figures["fact"] == "words of the study_id"


def test_who_has_a_report_is_a_fact() -> None:
    given = store_facts(labels={"bleed": LABELS}, reports=["fell" if y else None for y in LABELS])
    assert check_shortcuts(given)[0].figures["fact"] == "having a report"


def test_too_few_patients_are_said() -> None:
    (note,) = check_shortcuts(store_facts(labels={"bleed": [0.0, 1.0, 0.0]}))
    assert note.severity == "note"
    assert "bleed: too few patients" in note.sentence


def test_groups_are_words_quintiles_or_own_values() -> None:
    assert grouped(["a", None, "", "b"]) == ["=a", "absent", "absent", "=b"]
    assert grouped([1.0, 2.0, None]) == ["1", "2", "absent"]
    assert grouped([float(i) for i in range(10)]) == [f"group {g}" for g in (0, 0, 1, 1, 2, 2, 3, 3, 4, 4)]


def test_only_facts_of_the_study_are_tried() -> None:
    traits: list[dict[str, str | float]] = [{"sex": "F"}, {}, {"sex": "M"}]
    facts = known_facts(store_facts(labels={"bleed": [0.0, 1.0, 0.0]}, traits=traits))
    assert facts["sex"] == ("F", None, "M")
    assert set(facts) == {"sex", "words of the study_id", "number in the study_id"}
