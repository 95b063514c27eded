"""All paired tests side by side: where they agree, where they do not, and the one that is wrong on slices."""

from __future__ import annotations

import numpy as np
import pytest
from arms_by_hand import cohort_of, halves, noisy, wild
from asking import ask

from mmdx.stats.sections.pairs.section import pairs_section
from mmdx.stats.significance.delong import delong_test
from mmdx.stats.significance.mcnemar import mcnemar_test

LABELS = halves(120)


def section(model, other, **about):
    return ask(
        pairs_section, cohort_of(LABELS, {"image+report": model, "image": other}, **about), resamples=400, seed=0
    )


def test_a_planted_difference_is_shown_by_all_tests():
    found = section(noisy(LABELS, 1.0), noisy(LABELS, 8.0, seed=1), threshold=0.5)
    assert found.sentences == (
        "The tests of AUROC (bootstrap, clustered DeLong, permutation) agree on all 2 pairs.",
        "Against image the tests of AUROC show a better image+report on bleed and fracture (p after Holm).",
    )
    assert all(p <= 0.05 for each in found.record["tests"] for p in each["p_holm"].values())
    assert found.sheets[0].header[2:] == (
        "bootstrap over patients",
        "DeLong clustered by patient",
        "permutation by patient",
        "McNemar",
    )


def test_equal_models_differ_in_no_test():
    scores = noisy(LABELS, 3.0)
    found = section(scores, scores, threshold=0.5)
    assert [set(each["p"].values()) for each in found.record["tests"]] == [{1.0}, {1.0}]
    assert found.sentences[-1] == (
        "Against image no difference was shown on bleed and fracture (p after Holm), which does not prove the models "
        "equal."
    )


def test_each_test_is_the_one_of_its_module_and_corrected_by_itself():
    first, second = noisy(LABELS, 3.0), noisy(LABELS, 4.0, seed=1)
    found = section(first, second, threshold=0.5).record["tests"]
    patients = np.arange(120)
    for f, each in enumerate(found):
        pair = first[:, f], second[:, f]
        assert each["p"]["delong"] == delong_test(LABELS[:, f], *pair, patients).p
        right = [(scores >= 0.5) == (LABELS[:, f] == 1) for scores in pair]
        assert each["p"]["mcnemar"] == mcnemar_test(*right, patients).p
    lower = min(found, key=lambda each: each["p"]["delong"])
    assert lower["p_holm"]["delong"] == pytest.approx(2 * lower["p"]["delong"])


def test_without_thresholds_mcnemar_is_not_made():
    found = section(noisy(LABELS, 3.0), noisy(LABELS, 4.0, seed=1))
    assert all("mcnemar" not in each["p"] for each in found.record["tests"])
    assert "McNemar's test was not made: no thresholds were chosen on validation for both models." in found.notes


def test_ordinary_delong_stands_beside_slices_alone_and_is_called_wrong():
    whole = section(noisy(LABELS, 3.0), noisy(LABELS, 4.0, seed=1))
    assert all("naive_delong" not in each["p"] for each in whole.record["tests"])
    # Of each patient the same study ten times over: to ordinary DeLong ten patients.
    patients = np.repeat(np.arange(60), 10)
    labels = halves(60, 1)[patients]
    pair = [noisy(halves(60, 1), breadth, seed=seed)[patients] for breadth, seed in ((2.5, 3), (4.0, 1))]
    cohort = cohort_of(labels, {"image+report": pair[0], "image": pair[1]}, patients=patients)
    found = ask(pairs_section, cohort, resamples=400, seed=0)
    (tests,) = found.record["tests"]
    assert tests["p"]["naive_delong"] < 0.05 < tests["p"]["delong"]
    assert found.sheets[0].header[-1] == "ordinary DeLong (wrong here: rows are not independent)"
    assert found.sentences[-1].endswith(
        "would have answered otherwise on bleed against image: trust the clustered one."
    )


def test_one_arm_is_no_section():
    assert ask(pairs_section, cohort_of(LABELS, {"image": noisy(LABELS, 1.0)}), resamples=100, seed=0) is None


@pytest.mark.parametrize("name", wild())
def test_wild_cohorts_are_refused_in_words(name):
    found = ask(pairs_section, wild()[name], resamples=100, seed=0)
    assert found is None or all("nan" not in sentence for sentence in found.sentences)
    assert (found is None) == (name in ("one class in both", "one row", "nothing known"))
