from dataclasses import replace

import numpy as np
import pytest
from arms_by_hand import cohort_of

from mmdx.stats.cohort.counts import FindingCount, count_findings, leading, refusals, why_no_mean

PATIENTS = np.array([0, 0, 1, 2, 2, 3, 4, 5, 6, 7, 8, 9])
LABELS = np.column_stack([[1, 0, 1, 1, np.nan, 1, 1, 0, 0, 0, 0, 0], np.zeros(12), np.ones(12), np.full(12, np.nan)])


@pytest.fixture
def cohort():
    return cohort_of(LABELS, {"image": np.full(LABELS.shape, 0.5)}, patients=PATIENTS)


def test_rows_and_patients_are_counted_by_finding(cohort):
    bleed, fracture, edema, mass = count_findings(cohort)
    assert bleed == FindingCount("bleed", 11, 1, 5, patients=10, positive_patients=5, left_out=None)
    assert fracture.left_out == "no known label is positive"
    assert edema.left_out == "every known label is positive"
    assert mass == FindingCount("mass", 0, 12, 0, 0, 0, "no label is known")


def test_an_interval_is_refused_to_a_finding_with_few_patients_of_a_class(cohort):
    few = "0 patients with the finding, and 5 are needed"
    bleed, fracture, edema, mass, micro, weighted, macro = refusals(cohort, [0])
    assert (bleed, micro, weighted, macro) == (None, None, None, None)
    assert (fracture, edema, mass) == (few, few.replace("with", "without"), few)


def test_a_mean_is_refused_for_the_first_finding_that_is_too_rare(cohort):
    assert why_no_mean(cohort, []) == "no finding has labels of both classes"
    assert why_no_mean(cohort, [0, 1]) == "fracture: 0 patients with the finding, and 3 are needed"
    assert why_no_mean(cohort, [1]) == "0 patients with the finding, and 5 are needed"
    first_half = np.arange(12) < 6
    assert why_no_mean(cohort, [0], first_half) == "4 patients with the finding, and 5 are needed"


def test_of_a_group_of_two_one_class_counts_for_both():
    labels = np.column_stack([LABELS[:, 0], np.arange(12) % 2, 1 - np.arange(12) % 2])
    cohort = cohort_of(labels, {"image": np.full(labels.shape, 0.5)}, patients=PATIENTS)
    cohort = replace(cohort, findings=("bleed", "DX/a", "DX/b"))
    bleed, first, second = count_findings(cohort)
    assert (first.complement, first.left_out) == ("DX/b", "the complement of DX/b, which counts for both")
    assert bleed.complement is second.complement is second.left_out is None
    assert leading(cohort) == [0, 2]
    first_counts = replace(cohort, primary_finding="DX/a")
    assert [count.complement for count in count_findings(first_counts)] == [None, None, "DX/a"]
    assert leading(first_counts) == [1]


def test_a_rare_finding_leaves_the_mean_and_says_why():
    labels = np.column_stack([LABELS[:, 0], np.arange(12) >= 10, np.arange(12) < 10]).astype(float)
    cohort = cohort_of(labels, {"image": np.full(labels.shape, 0.5)}, patients=PATIENTS)
    bleed, fracture, edema = count_findings(cohort)
    assert bleed.left_out is None
    assert fracture.left_out == "2 patients with the finding, and 3 are needed"
    assert edema.left_out == "2 patients without the finding, and 3 are needed"
    assert leading(cohort) == [0]


def test_findings_that_are_all_rare_stay_in_the_mean():
    labels = np.column_stack([np.arange(12) >= 10, np.arange(12) < 10]).astype(float)
    cohort = cohort_of(labels, {"image": np.full(labels.shape, 0.5)}, patients=PATIENTS)
    assert [count.left_out for count in count_findings(cohort)] == [None, None]
    assert leading(cohort) == [0, 1]
