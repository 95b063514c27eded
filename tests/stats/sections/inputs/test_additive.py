"""The additive projection, and shares of the variance."""

from __future__ import annotations

import numpy as np
import pytest

from mmdx.stats.sections.inputs.additive import additive, variance_shares

RNG = np.random.default_rng(0)
FIRST, SECOND = RNG.normal(size=30), 2 * RNG.normal(size=30)
ONES = np.ones((1, 30), dtype=int)


def test_the_projection_of_a_sum_is_itself():
    pairs = FIRST[:, None] + SECOND[None, :]
    assert additive(pairs) == pytest.approx(FIRST + SECOND)


def test_a_product_of_centred_inputs_has_no_sum():
    first, second = FIRST - FIRST.mean(), SECOND - SECOND.mean()
    pairs = first[:, None] * second[None, :]
    assert additive(pairs) == pytest.approx(np.zeros(30))
    assert variance_shares(pairs, ONES)[0] == pytest.approx([0, 0, 1])


def test_the_projection_is_the_best_sum_of_two_functions():
    """Least squares on one dummy for each row and column, the textbook fit of a two-way table."""
    pairs = RNG.normal(size=(12, 12))
    rows, columns = np.indices(pairs.shape).reshape(2, -1)
    design = np.concatenate([np.eye(12)[rows], np.eye(12)[columns]], axis=1)
    fitted = design @ np.linalg.lstsq(design, pairs.ravel(), rcond=None)[0]
    assert additive(pairs) == pytest.approx(fitted.reshape(12, 12).diagonal())


def test_shares_by_hand_and_by_weights():
    pairs = FIRST[:, None] + SECOND[None, :]
    whole = FIRST.var() + SECOND.var()
    assert variance_shares(pairs, ONES)[0] == pytest.approx([FIRST.var() / whole, SECOND.var() / whole, 0], abs=1e-9)
    twice = np.concatenate([np.full(15, 2), np.zeros(15)]).astype(int)[None]
    half = pairs[:15, :15]
    assert variance_shares(pairs, twice)[0] == pytest.approx(variance_shares(half, np.ones((1, 15), int))[0])


def test_what_does_not_vary_has_no_shares():
    assert np.isnan(variance_shares(np.ones((5, 5)), np.ones((2, 5), dtype=int))).all()
