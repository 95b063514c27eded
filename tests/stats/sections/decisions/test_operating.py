"""Shares at the operating point, how many rows are read, and PPV and NPV at another prevalence."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from arms_by_hand import cohort_of
from scipy.stats import binomtest

from mmdx.errors import UsageError
from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.sections.decisions.operating import acted_on, at_point, check_prevalence

# 20 with the finding, of whom 16 are flagged; 80 without it, of whom 8 are.
LABELS = np.repeat([[1.0], [0.0]], [20, 80], axis=0)
SCORES = np.repeat([[0.9], [0.1], [0.9], [0.1]], [16, 4, 8, 72], axis=0)


def point_of(cohort, resamples: int = 400):
    return at_point(cohort, [0], Resampler.of(cohort, resamples=resamples, seed=0))[0]


def test_shares_by_hand_with_wilsons_intervals():
    point = point_of(cohort_of(LABELS, {"a": SCORES}, threshold=0.5))
    expected = {
        "sensitivity": (16, 20),
        "specificity": (72, 80),
        "PPV": (16, 24),
        "NPV": (72, 76),
        "flagged": (24, 100),
    }
    for name, (top, bottom) in expected.items():
        bounds = binomtest(top, bottom).proportion_ci(method="wilson")
        share = point.shares[name]
        assert (share.value, share.low, share.high) == pytest.approx((top / bottom, bounds.low, bounds.high))
    assert point.read.value == pytest.approx(1.5)
    assert (point.read.low, point.read.high) == pytest.approx(
        (1 / point.shares["PPV"].high, 1 / point.shares["PPV"].low)
    )
    assert point.elsewhere == {}


def test_another_prevalence_by_bayes():
    cohort = replace(cohort_of(LABELS, {"a": SCORES}, threshold=0.5), prevalence=0.02)
    point = point_of(cohort)
    assert point.elsewhere["PPV"].value == pytest.approx(0.8 * 0.02 / (0.8 * 0.02 + 0.1 * 0.98))
    assert point.elsewhere["NPV"].value == pytest.approx(0.9 * 0.98 / (0.9 * 0.98 + 0.2 * 0.02))
    assert point.elsewhere["PPV"].low < point.elsewhere["PPV"].value < point.elsewhere["PPV"].high


def test_a_secondary_finding_has_no_other_prevalence():
    both = cohort_of(np.hstack([LABELS, LABELS]), {"a": np.hstack([SCORES, SCORES])}, threshold=0.5)
    cohort = replace(both, prevalence=0.02, primary_finding="bleed")
    points = at_point(cohort, [0, 1], Resampler.of(cohort, resamples=100, seed=0))
    assert [bool(point.elsewhere) for point in points] == [True, False]


def test_shares_of_none_or_all_have_no_interval_at_another_prevalence():
    perfect = replace(cohort_of(LABELS, {"a": LABELS}, threshold=0.5), prevalence=0.02)
    assert point_of(perfect).elsewhere["PPV"].refused == "sensitivity is 1, which no resample can change"
    nothing = point_of(cohort_of(LABELS, {"a": np.zeros_like(LABELS)}, threshold=0.5))
    assert nothing.read.refused == "nothing is flagged"


def test_rows_of_one_patient_are_drawn_together_and_trainings_are_averaged():
    alone = point_of(cohort_of(LABELS, {"a": SCORES}, threshold=0.5))
    pairs = cohort_of(LABELS, {"a": SCORES}, threshold=0.5, patients=np.arange(100) // 4)
    grouped = point_of(pairs)
    assert grouped.shares["specificity"].value == alone.shares["specificity"].value
    width = [point.shares["specificity"].high - point.shares["specificity"].low for point in (alone, grouped)]
    assert width[1] > width[0]
    two = point_of(cohort_of(LABELS, {"a": [SCORES, LABELS]}, threshold=0.5))
    assert two.shares["sensitivity"].value == pytest.approx((16 / 20 + 1) / 2)


def test_a_finding_without_a_threshold_is_not_acted_on():
    assert not acted_on(cohort_of(LABELS, {"a": SCORES}), 0)
    assert acted_on(cohort_of(LABELS, {"a": SCORES}, threshold=0.5), 0)


@pytest.mark.parametrize("prevalence", [0.0, 1.0, 2.0, float("nan")])
def test_a_prevalence_that_is_none_is_refused(prevalence):
    with pytest.raises(UsageError, match=r"^prevalence .*: must lie between 0 and 1"):
        check_prevalence(prevalence)
