"""Comparisons of cross-validations: pairs within folds, several deals of folds, and what is undefined."""

from __future__ import annotations

import arms_by_hand
import numpy as np
import pandas as pd
import pytest
from arms_by_hand import cohort_of, halves, noisy
from asking import ask, compared

from mmdx.stats.cohort.cohort import Cohort
from mmdx.stats.comparison.compare import RANKED, compare
from mmdx.stats.metrics.folds import measure, ranks_within
from mmdx.stats.metrics.registry import METRICS
from mmdx.stats.report.claims import notes
from mmdx.stats.sections.pairs.section import pairs_section

LABELS = halves(60)
FOLDS = np.arange(60) // 4 % 3
SHIFTED = np.clip(noisy(LABELS, 3.0) / 3 + FOLDS[:, None] / 3, 0, 1)
"""Scores that lie higher from fold to fold."""


def crossed(folds: dict[str, np.ndarray | None], scores: dict[str, np.ndarray]) -> Cohort:
    cohort = cohort_of(LABELS, scores)
    for arm, of_arm in enumerate(folds.values()):
        cohort = arms_by_hand.crossed(cohort, of_arm, arms=[arm])
    return cohort


def test_ranks_count_within_folds_and_all_else_as_it_is():
    made = compared(crossed({"image": FOLDS}, {"image": SHIFTED}), resamples=100)
    once = np.ones((1, 60), dtype=np.int64)
    for f, finding in enumerate(("bleed", "fracture")):
        for name, estimate in ((name, made.estimates["image", name, finding]) for name in ("auroc", "ap", "brier")):
            expected = measure(METRICS[name], LABELS[:, f], SHIFTED[:, f], once, FOLDS)[0]
            assert estimate.value == pytest.approx(expected), name
    pooled = compared(crossed({"image": None}, {"image": SHIFTED}), resamples=100)
    assert pooled.estimates["image", "auroc", None].value < made.estimates["image", "auroc", None].value
    assert (made.folding, pooled.folding) == ("same", "none")
    assert made.to_json()["method"]["pairs"] == RANKED["same"]
    assert any("pairs of rows within a fold" in note for note in notes(made))
    assert not any("within a fold" in note for note in notes(pooled))


def test_a_shift_of_a_fold_changes_no_rank_and_no_resample():
    arms = {"image": noisy(LABELS, 3.0) / 3, "shifted": noisy(LABELS, 3.0) / 3 + FOLDS[:, None] / 3}
    made = compared(crossed({"image": FOLDS, "shifted": FOLDS}, arms), resamples=100)
    for metric in ("auroc", "ap", "sensitivity_at_specificity", "specificity_at_sensitivity"):
        difference = made.differences["shifted", metric, None].estimate
        assert (difference.value, difference.low, difference.high) == (0, 0, 0)
    assert made.differences["shifted", "auroc", "bleed"].delong == 1.0
    assert ranks_within(arms["image"][:, 0], FOLDS) == pytest.approx(ranks_within(arms["shifted"][:, 0], FOLDS))


def test_other_folds_are_compared_each_within_its_own_and_swap_no_scores():
    cohort = crossed({"image": FOLDS, "other": np.arange(60) % 5}, {"image": SHIFTED, "other": noisy(LABELS, 3.0)})
    made = compared(cohort, resamples=100)
    assert made.folding == "different"
    assert any("each counts within its own" in note for note in notes(made))
    section = ask(pairs_section, cohort, resamples=100)
    assert all("permutation" not in test["p"] and "delong" in test["p"] for test in section.record["tests"])
    assert "Models of different folds swap no scores: no permutation was made of them." in section.notes


def test_a_finding_that_no_fold_can_compare_is_in_no_mean():
    folds = np.where(LABELS[:, 1] == 1, 0, 1)
    made = compared(crossed({"image": folds}, {"image": SHIFTED}), resamples=100)
    assert made.in_mean == ("bleed",)
    assert made.findings[1].left_out == "no fold has both a positive and a negative label"
    assert np.isnan(made.estimates["image", "auroc", "fracture"].value)


def test_a_table_with_a_column_fold_is_out_of_fold():
    rows = [(f"s{i}", f"p{i}", "bleed", LABELS[i, 0], SHIFTED[i, 0], FOLDS[i]) for i in range(60)]
    table = pd.DataFrame(rows, columns=["study_id", "patient_id", "finding", "label", "score", "fold"])
    within, pooled = compare({"a": table}, resamples=100), compare({"a": table.drop(columns="fold")}, resamples=100)
    expected = measure(METRICS["auroc"], LABELS[:, 0], SHIFTED[:, 0], np.ones((1, 60), dtype=int), FOLDS)[0]
    assert within.estimates["a", "auroc", "bleed"].value == pytest.approx(expected)
    assert within.arms[0].folds == 3
    assert within.estimates["a", "brier", "bleed"] == pooled.estimates["a", "brier", "bleed"]
