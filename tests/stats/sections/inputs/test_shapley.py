"""Shapley shares."""

from __future__ import annotations

import numpy as np
import pytest

from mmdx.stats.sections.inputs.shapley import shapley


def test_the_glove_game():
    """One left glove (a) and two right ones (b, c), worth 1 as a pair: 2/3, 1/6, 1/6, as in every textbook."""
    sets = [frozenset(names) for names in ("", "a", "b", "c", "ab", "ac", "bc", "abc")]
    values = {s: np.array([float("a" in s and bool(s & {"b", "c"}))]) for s in sets}
    found = shapley(values, ["a", "b", "c"])
    assert [float(found[name][0]) for name in "abc"] == pytest.approx([2 / 3, 1 / 6, 1 / 6])


def test_shares_of_two_sum_to_the_whole_in_every_resample():
    rng = np.random.default_rng(0)
    values = {frozenset(names): rng.random(5) for names in ("", "a", "b", "ab")}
    found = shapley(values, ["a", "b"])
    assert found["a"] + found["b"] == pytest.approx(values[frozenset("ab")] - values[frozenset()])
