"""Paired tests of the reference against another arm."""

from dataclasses import replace

import numpy as np
import pytest
from arms_by_hand import cohort_of, halves, noisy

from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.sections.pairs.tests import NAIVE, pair_tests
from mmdx.stats.significance.difference import holm

LABELS = halves(60, 1)


def pair_of(cohort):
    (pair,) = pair_tests(cohort, Resampler.of(cohort, resamples=200, seed=0))
    return pair


def test_one_row_per_patient_needs_no_naive_test_and_no_threshold_means_no_mcnemar():
    pair = pair_of(cohort_of(LABELS, {"image+report": noisy(LABELS, 1.0), "image": noisy(LABELS, 4.0, seed=1)}))
    assert set(pair.p) == {"bootstrap", "delong", "permutation"}
    assert pair.corrected == pair.p
    assert pair.form is None


def test_several_rows_per_patient_have_the_naive_test_beside_the_clustered_one():
    patients = np.arange(60) // 2
    arms = {"image+report": noisy(LABELS, 1.0), "image": noisy(LABELS, 4.0, seed=1)}
    pair = pair_of(cohort_of(LABELS, arms, patients=patients, threshold=0.5))
    assert set(pair.p) == {"bootstrap", "delong", "permutation", "mcnemar", NAIVE}


def test_an_equal_model_is_not_shown_to_differ():
    scores = noisy(LABELS, 2.0)
    pair = pair_of(cohort_of(LABELS, {"image+report": scores, "image": scores}))
    assert pair.p["permutation"] == 1
    assert pair.shown("bootstrap") is False
    assert pair.shown("mcnemar") is None


def test_the_primary_finding_is_corrected_apart_and_complements_count_once():
    labels = np.column_stack([LABELS[:, 0], 1 - LABELS[:, 0], np.roll(LABELS[:, 0], 7)])
    scores = [
        np.column_stack([s[:, 0], 1 - s[:, 0], s[:, 1]]) for s in (noisy(labels, 1.0), noisy(labels, 3.0, seed=1))
    ]
    cohort = replace(cohort_of(labels, dict(zip("ab", scores, strict=True))), findings=("DX/a", "DX/b", "edema"))
    resampler = Resampler.of(cohort, resamples=200, seed=0)
    first, second, edema = pair_tests(cohort, resampler)
    p = {pair.finding: pair.p["delong"] for pair in (first, second, edema)}
    assert p["DX/a"] == pytest.approx(p["DX/b"])
    assert first.corrected["delong"] == second.corrected["delong"]
    assert sorted((second.corrected["delong"], edema.corrected["delong"])) == pytest.approx(
        sorted(holm([p["DX/b"], p["edema"]]))
    )
    for pair in pair_tests(replace(cohort, primary_finding="edema"), resampler):
        assert pair.corrected["delong"] == pytest.approx(pair.p["delong"])
