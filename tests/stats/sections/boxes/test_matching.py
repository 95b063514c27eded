"""Which boxes are true, by hand."""

import numpy as np

from mmdx.stats.sections.boxes.matching import match


def test_the_likeliest_box_takes_the_true_one_and_a_second_hit_is_false():
    shared = np.array([[0.6], [0.9]])
    assert match(np.array([0.8, 0.7]), shared).tolist() == [True, False]
    assert match(np.array([0.7, 0.8]), shared).tolist() == [False, True]


def test_half_an_overlap_is_enough_and_less_is_not():
    assert match(np.array([0.8, 0.7]), np.array([[0.5, 0.0], [0.0, 0.49]])).tolist() == [True, False]


def test_nothing_is_true_where_there_is_no_box():
    assert match(np.array([0.8]), np.zeros((1, 0))).tolist() == [False]
