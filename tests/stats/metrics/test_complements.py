import numpy as np
import pytest

from mmdx.stats.metrics.complements import counted_once, doubles

BENIGN = np.array([1.0, 0.0, 1.0, np.nan])
FINDINGS = ("edema", "DX/benign", "DX/malignant")
LABELS = np.column_stack([[1.0, 0.0, 0.0, 1.0], BENIGN, 1 - BENIGN])


@pytest.mark.parametrize(
    ("primary", "expected"), [(None, {1: 2}), ("edema", {1: 2}), ("DX/malignant", {1: 2}), ("DX/benign", {2: 1})]
)
def test_of_two_complements_the_last_counts_or_the_primary_one(primary, expected):
    assert doubles(FINDINGS, LABELS, primary) == expected
    assert counted_once(FINDINGS, LABELS, primary) == [0, *expected.values()]


def test_two_classes_that_were_picked_from_more_are_no_complements():
    neither = LABELS.copy()
    neither[3] = [1.0, 0.0, 0.0]
    assert doubles(FINDINGS, neither) == {}
    assert counted_once(FINDINGS, neither) == [0, 1, 2]


def test_groups_of_three_and_findings_without_a_group_count_one_by_one():
    labels = np.column_stack([BENIGN, 1 - BENIGN, 1 - BENIGN])
    assert doubles(("DX/a", "DX/b", "DX/c"), labels) == {}
    assert doubles(("benign", "malignant", "DX/b"), labels) == {}


def test_the_class_that_can_be_scored_counts_where_the_other_cannot():
    labels = np.column_stack([[1.0, 0.0, 0.0], [0.0, 1.0, np.nan]])
    assert doubles(("DX/a", "DX/b"), labels) == {0: 1}
    labels[1] = [0.0, np.nan]
    assert doubles(("DX/a", "DX/b"), labels) == {1: 0}
    assert counted_once(("DX/a", "DX/b"), labels) == [0]
