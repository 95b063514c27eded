"""The reference beside baselines: which it beats, and which it must admit that it does not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from arms_by_hand import cohort_of, halves, noisy, wild
from asking import compared

from mmdx.stats.sections.baselines import baselines_section

LABELS = halves(200)


def section(model, **baselines):
    arms = {"image+report": model} | {f"baseline {name}": scores for name, scores in baselines.items()}
    return baselines_section(compared(cohort_of(LABELS, arms), resamples=400))


def test_a_model_that_beats_them_all_says_which_is_closest():
    found = section(noisy(LABELS, 1.0), constant=LABELS * 0 + 0.5, tfidf=noisy(LABELS, 8.0, seed=1))
    assert found.record["unbeaten"] == []
    (sentence,) = found.sentences
    assert sentence.startswith(
        "image+report beats baseline constant and baseline tfidf; the closest is baseline tfidf: "
    )
    assert [row[0] for row in found.sheets[0].rows] == ["image+report", "baseline constant", "baseline tfidf"]


def test_a_model_that_does_not_beat_one_says_so_first():
    found = section(noisy(LABELS, 8.0), constant=LABELS * 0 + 0.5, tfidf=noisy(LABELS, 1.0, seed=1))
    assert found.record["unbeaten"] == ["baseline tfidf"]
    assert found.sentences[0].startswith("image+report does not beat baseline tfidf, it is worse: macro AUROC 0.")
    assert found.sentences[1].startswith("image+report beats baseline constant: macro AUROC 0.")


def test_an_equal_one_is_not_beaten():
    scores = noisy(LABELS, 2.0)
    found = section(scores, copy=scores)
    assert found.sentences[0].startswith("image+report does not beat baseline copy: macro AUROC 0.")
    assert "a difference of 0.000 (95 % interval 0.000 to 0.000, p = 1.000)" in found.sentences[0]


def test_p_values_are_corrected_for_the_number_of_baselines():
    found = section(noisy(LABELS, 1.0), one=noisy(LABELS, 8.0, seed=1), two=noisy(LABELS, 8.0, seed=2))
    for each in found.record["baselines"]:
        assert each["p_holm"] == pytest.approx(2 * each["p"])


def test_without_a_baseline_is_no_section():
    assert section(noisy(LABELS, 1.0)) is None


@pytest.mark.parametrize("name", wild())
def test_wild_cohorts_are_unbeaten_in_words(name):
    found = baselines_section(compared(wild()[name], resamples=100))
    assert all("nan" not in sentence for sentence in found.sentences)
    assert name in ("unknown",) or found.record["unbeaten"] == ["baseline constant"]


def test_the_primary_finding_decides_what_is_beaten():
    """The model tells fractures and nothing of the bleeds, a baseline the reverse."""
    told, chance = noisy(LABELS, 1.0), noisy(LABELS, 60.0, seed=1)
    model, other = (np.column_stack(pair) for pair in ((chance[:, 0], told[:, 1]), (told[:, 0], chance[:, 1])))
    cohort = cohort_of(LABELS, {"image": model, "baseline TF-IDF": other})
    unbeaten = {}
    for primary in ("bleed", "fracture"):
        found = baselines_section(compared(replace(cohort, primary_finding=primary), resamples=200))
        unbeaten[primary] = found.record["unbeaten"]
        assert f"AUROC for {primary}" in found.sentences[0]
    assert unbeaten == {"bleed": ["baseline TF-IDF"], "fracture": []}
