"""The section of decisions: what leads comes first, what was shown and what was not is said."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from arms_by_hand import cohort_of, halves, noisy, wild
from asking import ask

from mmdx.sections import OperatingPoint
from mmdx.stats.sections.decisions.section import decisions_section


@pytest.fixture(scope="module")
def cohort():
    labels = halves(300)
    return cohort_of(labels, {"fused": noisy(labels, 1.5), "image": noisy(labels, 5.0, seed=1)}, threshold=0.5)


def test_the_primary_finding_leads(cohort):
    section = ask(decisions_section, replace(cohort, primary_finding="fracture"), resamples=200)
    assert [sheet.title for sheet in section.sheets] == [
        "Net benefit: fracture",
        "Net benefit: bleed",
        "At the validation threshold",
        "Flagged at the validation threshold",
        "Order of fused and …",
    ]
    assert all("fracture" in sentence for sentence in section.sentences)
    assert section.sentences[-1].startswith("In AUROC for fracture, fused leads image; in 0.0 % of the resamples")
    assert any("taken for probabilities as they are" not in note for note in section.notes)


def test_what_was_stated_stands_in_record_tables_and_sentences(cohort):
    stated = replace(cohort, operating_point=OperatingPoint(sensitivity=0.9), prevalence=0.02, primary_finding="bleed")
    section = ask(decisions_section, stated, resamples=200)
    titles = [sheet.title for sheet in section.sheets]
    assert titles[2:5] == [
        "At the operating point (sensitivity 0.9)",
        "Flagged at the operating point (sensitivity 0.9)",
        "At a prevalence of 0.02",
    ]
    assert section.record["operating_point"] == {"sensitivity": 0.9}
    assert section.record["at_operating_point"][0]["at_prevalence"]["PPV"]["value"] < 0.5
    assert any(s.startswith("At the stated sensitivity 0.9, fused has a sensitivity of 0.") for s in section.sentences)
    assert any("At a prevalence of 0.02 its PPV would be 0." in sentence for sentence in section.sentences)
    json.dumps(section.record, allow_nan=False)


def test_what_differs_and_what_does_not_is_said(cohort):
    shown = ask(decisions_section, cohort, resamples=400).sentences
    assert shown[0].startswith("For bleed, acting on fused in place of acting on all studies or on none is shown")
    assert "true positives more in 1000 studies at as many false ones" in shown[1]
    same = replace(cohort, scored=(cohort.scored[0], cohort.scored[0]))
    assert ask(decisions_section, same, resamples=200).sentences[1] == (
        "In net benefit for bleed, fused is not shown to differ from image at any threshold, which does not prove "
        "them alike."
    )
    labels = cohort.labels
    chance = cohort_of(labels, {"a": noisy(labels, 50.0)})
    section = ask(decisions_section, chance, resamples=200)
    assert "worth less at" in section.sentences[0]
    assert "At the" not in " ".join(sheet.title for sheet in section.sheets)


def test_too_few_patients_are_no_test_and_no_finding_of_no_difference():
    labels = np.array([[1.0]] * 4 + [[0.0]] * 30)
    section = ask(decisions_section, cohort_of(labels, {"a": labels, "b": noisy(labels, 9.0)}), resamples=100)
    assert section.sentences[:2] == (
        "Whether acting on a changes a decision about bleed cannot be tested: 4 patients with the finding, and 5 are "
        "needed.",
        "Nor can its net benefit for bleed be tested against that of b.",
    )


@pytest.mark.parametrize("name", wild())
def test_wild_cohorts_are_refused_in_words(name):
    section = ask(decisions_section, replace(wild()[name], prevalence=0.1), resamples=100)
    if section is None:
        assert not any({0.0, 1.0} <= set(column) for column in wild()[name].labels.T)
        return
    told = " ".join([*section.sentences, *(cell for sheet in section.sheets for row in sheet.rows for cell in row)])
    assert "nan" not in told
    json.dumps(section.record, allow_nan=False)


def test_no_model_no_section():
    labels = halves(20)
    assert ask(decisions_section, cohort_of(labels, {"baseline x": np.full(labels.shape, 0.5)}), resamples=100) is None
