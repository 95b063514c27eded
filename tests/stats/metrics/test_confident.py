"""Confident learning, held against cleanlab 2.9.0, which gave the joint below:

compute_confident_joint(labels, np.stack([1 - scores, scores], 1), calibrate=False)
"""

from __future__ import annotations

import numpy as np
import pytest

from mmdx.stats.metrics.confident import expected_flips, marked

LABELS = np.array(
    [1, 1, 1, 1, 1, 1, 0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 1, 0, 1, 0, 1, 0, 0, 1, 0, 0, 1], dtype=float
)
PERCENT = """
4 30 29 59 44 57 8 38 69 8 53 79 2 35 8 31 66 2 25 60 49 41 45 43 23 13 94 41 79 78
"""
SCORES = np.array(PERCENT.split(), dtype=float) / 100
JOINT = ((8, 2), (1, 8))
"""Rows of label 0 and 1 that are confidently 0 and 1."""


def test_the_joint_is_that_of_cleanlab():
    named = marked(LABELS, SCORES)
    assert (named[LABELS == 0].sum(), named[LABELS == 1].sum()) == (JOINT[0][1], JOINT[1][0])
    flips = expected_flips(LABELS, SCORES)
    assert flips.absent == pytest.approx([15 * 2 / 10])
    assert flips.present == pytest.approx([15 * 1 / 9])
    assert flips.both == pytest.approx([3 + 15 / 9])


def test_a_row_with_a_weight_counts_as_often():
    weights = np.ones((2, len(LABELS)), dtype=np.int64)
    weights[1] = 2
    flips = expected_flips(LABELS, SCORES, weights)
    assert flips.both[1] == pytest.approx(2 * flips.both[0])


def test_planted_flips_are_counted_and_named():
    rng = np.random.default_rng(0)
    truth = (rng.random(2000) < 0.3).astype(float)
    scores = np.where(truth == 1, rng.beta(8, 2, 2000), rng.beta(2, 8, 2000))
    flipped = rng.random(2000) < 0.05
    labels = np.where(flipped, 1 - truth, truth)
    counted = expected_flips(labels, scores).both[0]  # a flip near a threshold is none of them
    assert 0.5 * flipped.sum() < counted < 1.2 * flipped.sum()
    assert flipped[marked(labels, scores)].mean() > 0.8


def test_a_rare_class_has_a_threshold_of_its_own():
    labels = np.array([1.0, 0, 0, 0, 0, 0, 0, 0])
    scores = np.array([0.3, 0.32, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05])
    assert marked(labels, scores).tolist() == [False, True, *[False] * 6]


def test_without_a_class_nothing_is_known():
    flips = expected_flips(np.zeros(4), np.full(4, 0.2))
    assert np.isnan(flips.both).all()
    assert not marked(np.zeros(4), np.full(4, 0.2)).any()
