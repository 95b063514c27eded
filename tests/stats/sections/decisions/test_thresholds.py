"""Net benefit at stated thresholds: beside acting on all or none, and of the reference beside the others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from arms_by_hand import cohort_of, halves, noisy

from mmdx.sections import OperatingPoint
from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.sections.decisions.benefit import finding_rows
from mmdx.stats.sections.decisions.thresholds import AtThreshold, at_thresholds, stated_thresholds

LABELS = halves(200, findings=1)


def found_in(first: np.ndarray, second: np.ndarray) -> dict[tuple[int, float], AtThreshold]:
    cohort = cohort_of(LABELS, {"a": first, "b": second})
    found = at_thresholds(cohort, [finding_rows(cohort, 0)], Resampler.of(cohort, resamples=400, seed=0))
    return {(one.arm, one.threshold): one for one in found}


def test_a_perfect_model_is_worth_what_is_there_to_find():
    found = found_in(0.01 + 0.98 * LABELS, noisy(LABELS, 4.0))
    assert [found[0, t].benefit.value for t in (0.05, 0.5)] == [0.5, 0.5]
    # Acting on all gives 0.5 - 0.5 * t / (1 - t), which is 0 at 0.5.
    assert found[0, 0.2].beside_default.estimate.value == pytest.approx(0.5 * 0.25)
    assert found[0, 0.2].beside_default.shown
    assert found[1, 0.5].reference_minus.shown
    assert found[0, 0.5].reference_minus is None


def test_p_values_are_corrected_over_models_and_thresholds():
    found = found_in(noisy(LABELS, 3.0), noisy(LABELS, 3.2))
    useful = sorted((one.beside_default for one in found.values()), key=lambda difference: difference.p)
    assert useful[0].corrected == pytest.approx(min(1, 10 * useful[0].p))
    beside = sorted((found[1, t].reference_minus for t in (0.05, 0.1, 0.2, 0.3, 0.5)), key=lambda each: each.p)
    assert beside[0].corrected == pytest.approx(min(1, 5 * beside[0].p))


def test_a_model_beside_itself_is_not_shown_to_differ():
    same = noisy(LABELS, 2.0)
    assert not any(one.reference_minus.shown for (arm, _), one in found_in(same, same).items() if arm)


def test_a_threshold_of_the_operating_point_is_tested_too():
    cohort = cohort_of(LABELS, {"a": noisy(LABELS, 1.0)})
    assert stated_thresholds(cohort).tolist() == [0.05, 0.1, 0.2, 0.3, 0.5]
    assert 0.15 in stated_thresholds(replace(cohort, operating_point=OperatingPoint(threshold=0.15)))
