"""Net benefit beside values that dcurves gave, and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scored import cohort_of

from mmdx.stats.sections.decisions.benefit import (
    GRID,
    FindingRows,
    all_curve,
    columns_at,
    finding_rows,
    model_curve,
)

PLACE = np.arange(40)
LABELS = (PLACE * 7 % 11 < 4).astype(float)
SCORES = {0: (PLACE * 13 % 40 + 1) / 50 * (0.5 + LABELS / 2), 1: (PLACE * 29 % 37) / 40}
THRESHOLDS = np.array([0.05, 0.1, 0.2, 0.3, 0.5, 0.75])
# dcurves 1.1.7: dca(DataFrame({"y": LABELS, "a": SCORES[0], "b": SCORES[1]}), "y", ["a", "b"], thresholds=THRESHOLDS)
DCURVES = {
    0: (0.32105263157894737, 0.2944444444444444, 0.19374999999999998, 0.175, 0.175, 0.0),
    1: (
        *(0.31973684210526315, 0.29166666666666663, 0.18125000000000005),
        *(0.06785714285714284, -0.07500000000000001, -0.12499999999999997),
    ),
    "all": (0.34210526315789475, 0.3055555555555556, 0.21875, 0.1071428571428571, -0.25, -1.5),
}
ONCE = np.ones((1, 40), dtype=np.int32)


def rows_of(patients: np.ndarray = PLACE) -> FindingRows:
    return FindingRows(0, LABELS, patients, {arm: [scores] for arm, scores in SCORES.items()}, calibrated=False)


def test_curves_are_those_of_dcurves():
    for arm in SCORES:
        assert model_curve(rows_of(), arm, ONCE, THRESHOLDS)[0] == pytest.approx(DCURVES[arm], abs=1e-12)
    assert all_curve(rows_of(), ONCE, THRESHOLDS)[0] == pytest.approx(DCURVES["all"], abs=1e-12)


def test_a_drawn_patient_counts_with_all_rows_as_often_as_drawn():
    patients, weights = PLACE // 2, np.random.default_rng(0).multinomial(20, np.full(20, 0.05), size=3).astype(np.int32)
    found = model_curve(rows_of(patients), 0, weights)
    for drawn, curve in zip(weights, found, strict=True):
        rows = np.repeat(PLACE, drawn[patients])
        labels, scores = LABELS[rows], SCORES[0][rows]
        by_hand = [
            ((scores >= t) * (labels == 1)).mean() - ((scores >= t) * (labels == 0)).mean() * t / (1 - t) for t in GRID
        ]
        assert curve == pytest.approx(by_hand, abs=1e-12)


def test_sums_of_patients_give_the_same_at_a_threshold():
    patients = PLACE // 2
    total, positives, *others = columns_at(rows_of(patients), THRESHOLDS, 20).sum(axis=0)
    assert (total, positives) == (40, LABELS.sum())
    true_yes, false_yes = np.array(others[:6]), np.array(others[6:12])
    assert (true_yes - false_yes * THRESHOLDS / (1 - THRESHOLDS)) / 40 == pytest.approx(DCURVES[0], abs=1e-12)


def test_probabilities_are_scaled_where_every_model_has_temperatures():
    labels, scores = LABELS[:, None], [SCORES[0][:, None], SCORES[1][:, None]]
    scaled = finding_rows(cohort_of(labels, scores, temperature=2.0), 0)
    odds = np.log(scores[0] / (1 - scores[0]))[:, 0]
    assert scaled.calibrated
    assert scaled.scores[0][0] == pytest.approx(1 / (1 + np.exp(-odds / 2)))
    cohort = cohort_of(labels, scores, temperature=2.0)
    cohort.scored[1][0].temperatures[3] = np.nan
    plain = finding_rows(cohort, 0)
    assert not plain.calibrated
    assert np.array_equal(plain.scores[0][0], scores[0][:, 0])
