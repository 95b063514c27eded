"""Scale and shift of logits against what they were made with."""

import numpy as np
import pytest
from scipy.special import expit

from mmdx.stats.metrics.scaling import fit_scaling


def test_what_many_patients_say_is_found_again() -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(20_000, 1))
    labels = (rng.random(truth.shape) < expit(truth)).astype(float)
    scale, shift = fit_scaling(4 * truth - 2, labels, np.ones(len(truth)))
    assert scale[0] == pytest.approx(0.25, rel=0.05)
    assert shift[0] == pytest.approx(0.5, abs=0.05)


def test_few_patients_move_little_and_one_class_nothing() -> None:
    logits = np.array([[9.0, 1.0], [-9.0, 2.0]])
    labels = np.array([[0.0, 1.0], [1.0, np.nan]])
    scale, shift = fit_scaling(logits, labels, np.ones(2))
    assert 0 < scale[0] < 1, "two patients, both wrong, do not turn the scores over"
    assert (scale[1], shift[1]) == (1.0, 0.0)


def test_a_row_that_counts_for_nothing_changes_nothing() -> None:
    rng = np.random.default_rng(1)
    logits = rng.normal(size=(40, 1))
    labels = (rng.random((40, 1)) < expit(logits)).astype(float)
    weights = np.ones(40)
    weights[:10] = 0
    without = fit_scaling(logits[10:], labels[10:], weights[10:])
    np.testing.assert_allclose(fit_scaling(logits, labels, weights), without, rtol=1e-6)


def test_classes_of_a_group_share_one_scale_and_are_not_shifted() -> None:
    rng = np.random.default_rng(2)
    truth = rng.normal(size=(5_000, 3))
    chosen = np.array([rng.choice(3, p=np.exp(row) / np.exp(row).sum()) for row in truth])
    labels = np.eye(3)[chosen]
    scale, shift = fit_scaling(3 * truth, labels, np.ones(len(truth)), groups=[[0, 1, 2]])
    assert scale == pytest.approx([1 / 3] * 3, rel=0.08)
    assert list(shift) == [0.0, 0.0, 0.0]
