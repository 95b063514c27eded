"""Steps down the order of scores, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from mmdx.stats.metrics.ranking import Ladder, apart, auroc, average_precision, sensitivity_at, specificity_at, steps_of

LABELS = np.array([1.0, 0, 1, 0, 0])
SCORES = np.array([0.9, 0.9, 0.5, 0.7, 0.1])


def test_the_steps_are_the_scores_of_positives_from_the_highest():
    steps = steps_of(LABELS, SCORES, np.array([[1, 1, 1, 1, 1], [2, 1, 0, 3, 1]]))
    assert steps.positives.T.tolist() == [[1, 1], [2, 0]]
    assert steps.detected.T.tolist() == [[1, 2], [2, 2]]
    # Strictly above 0.9 is nothing; above 0.5 are the negatives at 0.9 and 0.7; that at 0.9 ties with the first step.
    assert steps.above.T.tolist() == [[0, 2], [0, 4]]
    assert steps.reached.T.tolist() == [[1, 2], [1, 4]]
    assert steps.negatives.tolist() == [3, 5]


def test_units_weigh_all_their_rows():
    """Two patients: the first has the rows 0, 1 and 2."""
    ladder = Ladder(LABELS, SCORES, np.array([0, 0, 0, 1, 1]), 2, np.dtype(np.uint16))
    weights = np.array([[1, 3], [1, 2]], dtype=np.uint16)
    by_row = steps_of(LABELS, SCORES, np.array([[1, 1, 1, 1, 1], [3, 3, 3, 2, 2]]))
    for measure in (auroc, average_precision):
        assert measure(ladder.climb(weights)).tolist() == measure(by_row).tolist()
    for measure in (sensitivity_at, specificity_at):
        assert measure(ladder.climb(weights), 0.5).tolist() == measure(by_row, 0.5).tolist()


@pytest.mark.parametrize("rows", [1, 15, 16, 17, 33, 160])
def test_running_sums_cross_their_blocks(rows):
    """All rows positives of falling scores: what is found at each is how many came so far."""
    steps = steps_of(np.ones(rows), -np.arange(rows, dtype=float), np.array([np.arange(rows)]))
    assert steps.detected[:, 0].tolist() == np.cumsum(np.arange(rows)).tolist()


@pytest.mark.parametrize(
    ("scores", "drawn", "expected"),
    [
        ([0.9, 0.1, 0.8, 0.2], [1, 1, 1, 1], True),
        ([0.1, 0.9, 0.2, 0.8], [1, 1, 1, 1], True),
        ([0.5, 0.5, 0.9, 0.1], [1, 1, 1, 1], True),
        ([0.3, 0.5, 0.9, 0.1], [1, 1, 1, 1], False),
        ([0.3, 0.5, 0.9, 0.1], [1, 0, 1, 1], True),
    ],
)
def test_classes_are_apart_where_one_score_could_part_them(scores, drawn, expected):
    """Rows are positive, negative, positive, negative; meeting at one score is apart."""
    steps = steps_of(np.array([1.0, 0, 1, 0]), np.array(scores), np.array([drawn]))
    assert apart(steps).tolist() == [expected]
