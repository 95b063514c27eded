"""Measures of groups by hand, and against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.metrics as sk

from mmdx.stats.sections.classes.measures import (
    UNKNOWN_CLASS,
    class_log_loss,
    group_measures,
    mean_auroc,
    true_class,
)

ONCE = np.ones((1, 4), dtype=np.int64)
SURE = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.8, 0.1], [0.8, 0.1, 0.1]])
"""Four rows that are given the classes 0, 1, 1, 0."""


def by_hand(name: str, true: list[int]) -> float:
    return float(group_measures(np.array(true), SURE, ONCE)[name][0])


def test_measures_by_hand():
    true = [0, 0, 1, 2]
    assert by_hand("accuracy", true) == pytest.approx(2 / 4)
    assert by_hand("balanced_accuracy", true) == pytest.approx((1 / 2 + 1 + 0) / 3)
    # By chance: 2 of 4 times 2 of 4 for class 0, 1 of 4 times 2 of 4 for class 1.
    assert by_hand("kappa", true) == pytest.approx((0.5 - 0.375) / (1 - 0.375))
    assert by_hand("macro_f1", true) == pytest.approx((2 / 4 + 2 / 3 + 0) / 3)
    assert by_hand("log_loss", true) == pytest.approx(-(2 * np.log(0.8) + 2 * np.log(0.1)) / 4)


def test_one_class_only_has_no_kappa_and_no_auroc():
    values = group_measures(np.zeros(4, dtype=int), np.tile([0.9, 0.1], (4, 1)), ONCE)
    assert values["balanced_accuracy"][0] == 1
    assert np.isnan([values["kappa"][0], values["auroc"][0]]).all()


@pytest.mark.parametrize("seed", range(5))
def test_drawn_rows_are_those_of_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    true, scores = rng.integers(0, 4, 60), rng.dirichlet(np.ones(4), 60)
    weights = np.stack([np.ones(60, dtype=np.int64), rng.integers(0, 3, 60)])
    found = group_measures(true, scores, weights)
    for row, drawn in enumerate(weights):
        here = np.repeat(np.arange(60), drawn)
        t, p, c = true[here], scores[here], scores[here].argmax(axis=1)
        expected = {
            "balanced_accuracy": sk.balanced_accuracy_score(t, c),
            "kappa": sk.cohen_kappa_score(t, c),
            "accuracy": sk.f1_score(t, c, average="micro"),
            "macro_f1": sk.f1_score(t, c, average="macro"),
            "auroc": sk.roc_auc_score(t, p, multi_class="ovr"),
            "log_loss": sk.log_loss(t, p),
        }
        assert {name: values[row] for name, values in found.items()} == pytest.approx(expected, abs=1e-12)


def test_a_group_is_known_where_one_label_is_1():
    labels = np.array([[0, 1.0], [np.nan, np.nan], [0, np.nan], [0, 0], [1, 1]])
    assert true_class(labels).tolist() == [1, *[UNKNOWN_CLASS] * 4]


def test_scores_of_separate_sigmoids_become_shares():
    loss = class_log_loss(np.array([0, 1]), np.array([[0.9, 0.6], [0.0, 0.0]]), np.ones((1, 2), dtype=np.int64))
    assert loss[0] == pytest.approx(-(np.log(0.6) + np.log(0.5)) / 2)


def test_the_mean_auroc_counts_within_folds():
    """Both classes are ranked rightly in either fold, though the second model says more of everything."""
    true, folds = np.array([0, 1, 0, 1]), np.array([0, 0, 1, 1])
    scores = np.array([[0.2, 0.1], [0.1, 0.2], [0.9, 0.8], [0.8, 0.9]])
    once = np.ones((1, 4), dtype=np.int64)
    assert mean_auroc(true, scores, once, folds)[0] == 1.0
    assert mean_auroc(true, scores, once)[0] == 0.75
    assert np.isnan(mean_auroc(true, scores, once, np.arange(4))[0])
