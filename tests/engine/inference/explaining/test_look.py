"""Which slices are chosen, and their heat."""

from __future__ import annotations

import numpy as np
import pytest

from mmdx.engine.inference.explaining.look import mean_weights, mean_words, shares


def test_heat_is_scaled_within_what_is_shown():
    scaled = shares([np.array([[0.0, 0.2]]), np.array([[0.1, 0.05]])])
    assert [heat.tolist() for heat in scaled] == [[[0.0, 1.0]], [[0.5, 0.25]]]
    assert shares([np.zeros((1, 2))])[0].tolist() == [[0.0, 0.0]]
    assert shares([]) == []


def test_a_text_that_a_member_splits_otherwise_is_left_out_of_its_mean():
    first, second = (("a", 0.5), ("fall", 0.5)), (("a", 0.1), ("fall", 0.9))
    assert mean_weights([first, second, (("afall", 1.0),)]) == (("a", pytest.approx(0.3)), ("fall", pytest.approx(0.7)))


def test_marks_that_are_no_words_are_left_out_and_shares_stay():
    by_look = [
        {"report": (("fall", 0.6), (",", 0.3), ("ct", 0.1))},
        {"report": (("fall", 0.2), (",", 0.5), ("ct", 0.3))},
    ]
    assert mean_words(by_look) == {"report": (("fall", pytest.approx(0.4)), ("ct", pytest.approx(0.2)))}
    assert mean_words([{}, {}]) == {}
