"""McNemar's test by hand, and by patient."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2

from mmdx.stats.mcnemar import mcnemar_test


def answers(both: int, only_first: int, only_second: int) -> tuple[np.ndarray, np.ndarray]:
    first = [True] * both + [True] * only_first + [False] * only_second
    second = [True] * both + [False] * only_first + [True] * only_second
    return np.array(first), np.array(second)


def test_many_rows_by_hand():
    """McNemar's own form: (40 - 20)^2 / (40 + 20)."""
    found = mcnemar_test(*answers(10, 40, 20), np.arange(70))
    assert (found.only_first, found.only_second, found.form) == (40, 20, "chi-squared")
    assert found.p == pytest.approx(chi2.sf(400 / 60, 1))


def test_few_rows_are_tested_exactly():
    """Five of five one way: twice a half to the fifth."""
    found = mcnemar_test(*answers(3, 5, 0), np.arange(8))
    assert (found.p, found.form) == (pytest.approx(2 / 32), "exact")


def test_rows_of_one_patient_count_together():
    """Ten patients, each with three rows that the first alone answers, and ten the other way: no difference."""
    first = np.repeat([True, False], 30)
    patients = np.repeat(np.arange(20), 3)
    assert mcnemar_test(first, ~first, patients).p == 1.0
    one_way = mcnemar_test(np.ones(60, dtype=bool), np.zeros(60, dtype=bool), patients)
    assert (one_way.p, one_way.form) == (pytest.approx(chi2.sf(20, 1)), "clustered by patient")


def test_models_that_agree_do_not_differ():
    assert mcnemar_test(*answers(5, 0, 0), np.arange(5)).p == 1.0
