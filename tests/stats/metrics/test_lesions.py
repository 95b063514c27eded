"""Boxes on slices become lesions."""

import numpy as np
import pytest

from mmdx.stats.metrics.lesions import link, overlaps


def test_overlap_of_two_boxes():
    first = np.array([[0.0, 0, 2, 2]])
    second = np.array([[1.0, 0, 3, 2], [0, 0, 2, 2], [5, 5, 6, 6]])
    # 2 shared of 6, all of it, nothing.
    assert overlaps(first, second)[0].tolist() == pytest.approx([1 / 3, 1, 0])


def test_three_slices_are_one_lesion_and_a_gap_parts():
    corners = np.array([[0.0, 0, 10, 10], [1, 0, 11, 10], [2, 0, 12, 10], [2, 0, 12, 10]])
    assert link(np.array([3, 4, 5, 7]), corners).tolist() == [0, 0, 0, 1]


def test_two_lesions_side_by_side_keep_apart():
    left, right = [0.0, 0, 10, 10], [20.0, 0, 30, 10]
    corners = np.array([left, right, right, left])
    assert link(np.array([0, 0, 1, 1]), corners).tolist() == [0, 1, 1, 0]


def test_no_boxes_no_lesions():
    assert link(np.empty(0, dtype=np.int64), np.empty((0, 4))).tolist() == []
