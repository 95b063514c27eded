"""Reports that state the label, before and after something is withheld."""

from __future__ import annotations

import numpy as np
from audited import store_facts

from mmdx.data.audit.issues import Issue
from mmdx.data.audit.lexicon import read_lexicon
from mmdx.data.audit.statements import check_statements
from mmdx.schema import ReportOptions

LABELS = [float(i % 2) for i in range(60)]


def checked(reports: list[str], options: ReportOptions | None = None) -> list[Issue]:
    return check_statements(store_facts(labels={"subdural": LABELS}, reports=reports), read_lexicon(), options)


def test_a_label_in_words_is_a_warning_and_masking_takes_it_away() -> None:
    reports = [f"Fell {i % 7} times. {'Subdural seen' if y else 'Headache only'}." for i, y in enumerate(LABELS)]
    found = checked([r.replace("Headache only", "Subdural seen") if i < 4 else r for i, r in enumerate(reports)])
    (warning,) = [one for one in found if one.severity == "warning"]
    (figures,) = warning.figures["statements"]
    assert figures["lexicon"] == {"spoken": 32, "right": 30, "positives_told": 1.0}
    assert len(warning.rows) == 32
    assert figures["text"]["auroc"] > 0.9
    assert figures["masked_spoken"] == 0
    assert "states subdural, rightly in 30 of 32 that name it" in warning.sentence


def test_a_mask_in_the_place_of_the_answer_still_tells_it() -> None:
    reports = [f"{'Known subdural' if y else 'Nothing new'}, fell {i % 7} times." for i, y in enumerate(LABELS)]
    (warning,) = checked(reports)
    assert warning.figures["statements"][0]["masked"]["auroc"] == 1
    assert "masking is not enough" in warning.sentence


def test_sections_are_probed_apart_and_dropped() -> None:
    reports = [
        f"HISTORY: fell {i % 7} times.\nIMPRESSION: {'Subdural' if y else 'No subdural'}." for i, y in enumerate(LABELS)
    ]
    (warning,) = checked(reports, ReportOptions(drop_sections=("impression",)))
    (figures,) = warning.figures["statements"]
    assert figures["sections"]["impression"]["auroc"] == 1
    assert figures["sections"]["history"]["auroc"] < 0.6
    assert figures["masked"]["auroc"] < 0.6
    terms = {term["term"]: term for term in figures["terms"]}
    assert terms["no subdural"]["negated"]
    assert terms["no subdural"]["sections"] == {"impression": 30}
    assert (terms["subdural"]["positive"], terms["subdural"]["negative"]) == (30, 0)


def test_a_history_that_predicts_is_a_note() -> None:
    rng = np.random.default_rng(0)
    told = [rng.random() < (0.85 if y else 0.15) for y in LABELS]
    (found,) = checked([f"{'On warfarin' if x else 'No drugs'}, case {i % 5}." for i, x in enumerate(told)])
    assert (found.kind, found.severity) == ("report evidence", "note")
    assert "predicts subdural unstated" in found.sentence


def test_words_that_no_lexicon_has_are_found_by_the_probe() -> None:
    (found,) = checked([f"{'Crescent' if y else 'Clear'} case {i % 5}" for i, y in enumerate(LABELS)])
    assert found.severity == "warning"
    assert "nearly states subdural" in found.sentence
    assert "crescent" in found.sentence


def test_too_few_patients_are_said() -> None:
    labels = [1.0, 0.0, 0.0, 0.0]
    found = check_statements(store_facts(labels={"x": labels}, reports=["fell"] * 4), read_lexicon(), None)
    assert [one.kind for one in found] == ["report probe"]


def test_a_store_without_reports_or_labels_has_nothing_to_say() -> None:
    assert check_statements(store_facts(labels={"x": LABELS}), read_lexicon(), None) == []
    assert check_statements(store_facts(labels={"x": LABELS}, reports=[None] * 60), read_lexicon(), None) == []
    assert checked([""] * 60) == []
