"""Cohen's kappa."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from mmdx.stats.sections.readers.kappa import kappa

RNG = np.random.default_rng(0)
FIRST = (RNG.random(60) < 0.4).astype(float)
SECOND = np.where(RNG.random(60) < 0.8, FIRST, 1 - FIRST)


def test_kappa_is_that_of_scikit_learn_under_any_weights():
    weights = np.stack([np.ones(60, dtype=int), RNG.integers(0, 4, 60)])
    expected = [cohen_kappa_score(FIRST, SECOND, sample_weight=own) for own in weights]
    assert kappa(FIRST, SECOND, weights) == pytest.approx(expected, abs=1e-12)


def test_cohens_own_table():
    """Cohen (1960) as in every textbook: 20 yes-yes, 5 yes-no, 10 no-yes, 15 no-no: kappa 0.4."""
    a = np.repeat([1.0, 1.0, 0.0, 0.0], [20, 5, 10, 15])
    b = np.repeat([1.0, 0.0, 1.0, 0.0], [20, 5, 10, 15])
    assert kappa(a, b, np.ones((1, 50), dtype=int))[0] == pytest.approx(0.4)


def test_rows_of_which_one_says_nothing_do_not_count():
    holes = FIRST.copy()
    holes[::3] = np.nan
    kept = ~np.isnan(holes)
    expected = cohen_kappa_score(FIRST[kept], SECOND[kept])
    assert kappa(holes, SECOND, np.ones((1, 60), dtype=int))[0] == pytest.approx(expected)
    assert np.isnan(kappa(np.ones(4), np.ones(4), np.ones((1, 4), dtype=int))).all()
