"""Measures of groups and challenges by hand, and against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.metrics as sk

from mmdx.data.readers._rsna import FINDINGS
from mmdx.data.readers.derm7pt import _POINTS
from mmdx.stats.sections.classes.measures import (
    RSNA_WEIGHTS,
    SEVEN_POINTS,
    UNKNOWN_CLASS,
    class_log_loss,
    group_measures,
    rsna_log_loss,
    seven_point_score,
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


def test_the_rsna_loss_counts_any_twice():
    labels, scores = np.zeros((1, 6)), np.full((1, 6), 0.5)
    once = np.ones((1, 1), dtype=np.int64)
    assert rsna_log_loss(labels, scores, once, FINDINGS)[0] == pytest.approx(np.log(2))
    scores[0, FINDINGS.index("any")] = 0.75
    assert rsna_log_loss(labels, scores, once, FINDINGS)[0] == pytest.approx((5 * np.log(2) + 2 * np.log(4)) / 7)


def test_the_rsna_loss_is_scikit_learns_over_all_entries():
    rng = np.random.default_rng(0)
    labels, scores = rng.integers(0, 2, (40, 6)).astype(float), rng.random((40, 6))
    weigh = np.tile([1, 1, 1, 1, 1, 2], 40)
    found = rsna_log_loss(labels, scores, np.ones((1, 40), dtype=np.int64), FINDINGS)
    assert found[0] == pytest.approx(sk.log_loss(labels.ravel(), scores.ravel(), sample_weight=weigh))


def test_the_clip_bounds_what_a_sure_and_wrong_answer_costs():
    labels, scores, once = np.ones((1, 6)), np.zeros((1, 6)), np.ones((1, 1), dtype=np.int64)
    assert rsna_log_loss(labels, scores, once, FINDINGS, clip=0.01)[0] == pytest.approx(-np.log(0.01))


def test_names_are_those_of_the_readers():
    assert set(RSNA_WEIGHTS) == set(FINDINGS)
    assert dict(SEVEN_POINTS) == _POINTS


def test_the_checklist_adds_two_for_major_and_one_for_minor_criteria():
    groups = {
        group: [f"{group}/{name}" for name in names]
        for group, names in {
            **dict.fromkeys(("VS", "PIG", "STR", "DaG"), ("ABS", "REG", "IR")),
            "PN": ("ABS", "TYP", "ATP"),
            **dict.fromkeys(("BWV", "RS"), ("ABS", "PRS")),
        }.items()
    }
    findings = [finding for members in groups.values() for finding in members]

    def points(*present: str) -> float:
        last = {finding.partition("/")[0]: finding for finding in present}
        row = [float(last.get(f.partition("/")[0], f"{f.partition('/')[0]}/ABS") == f) for f in findings]
        return float(seven_point_score(np.array([row]), findings, groups)[0])

    assert points() == points("PN/TYP", "STR/REG") == 0
    assert points("PN/ATP") == 2
    assert points("PN/ATP", "STR/IR") == 3
    assert points("PN/ATP", "BWV/PRS", "VS/IR", "PIG/IR", "STR/IR", "DaG/IR", "RS/PRS") == 10
