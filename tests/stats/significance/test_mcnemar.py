"""McNemar's test by hand, and by patient."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2

from mmdx.stats.significance.mcnemar import mcnemar_test


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
    assert (one_way.p, one_way.form) == (pytest.approx(chi2.sf(19, 1)), "clustered by patient")


def test_the_published_example_of_the_clustered_test():
    """True negatives of PET and SPECT on the parathyroid glands of 21 patients (Obuchowski, Statistics in Medicine
    1998): her statistic is 2.857, p = 0.09097 (package clust.bin.pair), McNemar's over the glands 4.5."""
    both = (0, 2, 3, 1, 2, 4, 3, 2, 1, 1, 2, 2, 3, 2, 0, 2, 2, 2, 2, 1, 2)
    only_pet = (0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    only_spect = (2, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 1, 0, 0, 0)
    neither = (1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0)
    counts = np.array([both, only_pet, only_spect, neither])
    patients = np.concatenate([np.repeat(np.arange(21), row) for row in counts])
    pet, spect = (np.repeat(says, counts.sum(axis=1)) for says in ([True, True, False, False], [True, False] * 2))
    found = mcnemar_test(pet, spect, patients)
    assert (found.only_first, found.only_second) == (1, 7)
    assert (found.only_first - found.only_second) ** 2 / (found.only_first + found.only_second) == 4.5
    assert chi2.isf(found.p, 1) == pytest.approx(2.8571, abs=5e-5)
    assert found.p == pytest.approx(0.09097, abs=5e-6)


def test_models_that_agree_do_not_differ():
    assert mcnemar_test(*answers(5, 0, 0), np.arange(5)).p == 1.0
