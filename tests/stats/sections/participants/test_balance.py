"""Standardized mean differences, held against tableone 0.9.6, which gave the values below:

TableOne(frame, columns=["age", "sex", "site"], categorical=["sex", "site"], groupby="g", smd=True, pval=False)
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.sections.participants.balance import Characteristic, difference, of_shares, of_values

AGE = pd.Series([50, 61, 47, 70, 66, 72, 58, 81, 64, 77], dtype=float)
SEX, SITE = pd.Series(list("FFFMMFMMMM")), pd.Series(list("ABCABCCCAB"))
FIRST = np.arange(10) < 5
RESAMPLER = Resampler(np.arange(10), None, 200, 0)


def apart(one: Characteristic, resampler: Resampler = RESAMPLER):
    rows = len(one.columns)
    first = np.arange(rows) < rows // 2
    return difference(one, (first, ~first), resampler)


def test_it_is_what_tableone_gives():
    assert apart(of_values("age", AGE)).value == pytest.approx(1.1964486456602013, abs=1e-12)
    # The row is that of the commoner level, of which the second group has more.
    assert of_values("sex", SEX).levels == ("M", "F")
    assert apart(of_values("sex", SEX)).value == pytest.approx(0.8944271909999159, abs=1e-12)


def test_a_distance_is_that_of_tableone_without_what_chance_adds():
    once = 0.8944271909999157
    assert apart(of_values("site", SITE)).value == pytest.approx(0.0, abs=1e-7)  # 2 levels x (1/5 + 1/5) is its square
    whole = pd.concat([SITE[:5]] * 20 + [SITE[5:]] * 20, ignore_index=True)
    found = apart(of_values("site", whole), Resampler(np.arange(200), None, 200, 0))
    assert found.value == pytest.approx(np.sqrt(once**2 - 2 * 2 / 100), abs=1e-12)
    assert found.low is not None
    assert found.high is not None
    assert 0.5 < found.low < found.value < found.high < 1.2
    # Twenty studies of one patient tell no more than one.
    again = apart(of_values("site", whole), Resampler(np.arange(200) % 5 + 5 * (np.arange(200) >= 100), None, 200, 0))
    assert (again.value, again.low) == (pytest.approx(0.0, abs=1e-7), 0)


def test_a_shift_by_half_a_standard_deviation_is_found_again():
    rng = np.random.default_rng(0)
    values = pd.Series(np.concatenate([rng.normal(0, 2, 2000), rng.normal(1, 2, 2000)]))
    found = apart(of_values("size", values), Resampler(np.arange(4000), None, 200, 0))
    assert found.value == pytest.approx(0.5, abs=0.07)
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0.5 < found.high
    assert found.high - found.low == pytest.approx(2 * 1.96 * np.sqrt(2 / 2000), rel=0.25)


def test_missing_values_leave_their_study_out():
    known = pd.concat([AGE, pd.Series([np.nan, np.nan])], ignore_index=True)
    one = of_values("age", known)
    assert one.known.tolist() == [True] * 10 + [False] * 2
    groups = (np.r_[FIRST, True, False], np.r_[~FIRST, False, True])
    value = difference(one, groups, Resampler(np.arange(12), None, 200, 0)).value
    assert value == pytest.approx(1.1964486456602013, abs=1e-12)


def test_few_different_numbers_are_counted():
    assert of_values("stage", pd.Series([1.0, 2.0, 2.0, np.nan])).levels == ("2", "1")
    assert of_values("age", AGE).levels == ()


def test_what_cannot_be_standardized():
    alike = apart(of_shares("with report", "present", np.ones(10)))
    assert alike.value == 0
    assert np.isnan(apart(of_shares("bleed", "positive", FIRST.astype(float))).value)
    assert np.isnan(apart(of_values("age", AGE.where(FIRST))).value)  # the second group has it never


def test_fewer_than_five_patients_of_a_group_have_no_interval():
    few = difference(
        of_values("age", AGE), (FIRST, ~FIRST), Resampler(np.r_[0, 0, 1, 2, 3, 4, 5, 6, 7, 8], None, 200, 0)
    )
    assert (few.low, few.refused) == (None, "4 patients of a group, and 5 are needed")


def test_groups_dealt_by_chance_are_hardly_ever_called_different():
    rng, wrong = np.random.default_rng(1), 0
    shares = np.array([50, 25, 15, 2, 2, 2, 2, 1, 1]) / 100
    for _ in range(60):
        words = pd.Series(rng.choice(list("ABCDEFGHI"), 200, p=shares))
        found = apart(of_values("site", words), Resampler(np.arange(200), None, 100, 0))
        assert found.low is not None
        wrong += found.low > 0
    assert wrong <= 6


def test_levels_of_other_groups_do_not_count():
    whole = pd.concat([SITE[:5]] * 20 + [SITE[5:]] * 20, ignore_index=True)
    third = pd.concat([whole, pd.Series(list("DEFGH"))], ignore_index=True)
    rows = np.arange(205)
    groups = (rows < 100, (rows >= 100) & (rows < 200))
    both = difference(of_values("site", third), groups, Resampler(rows, None, 100, 0))
    assert both.value == pytest.approx(apart(of_values("site", whole), Resampler(rows[:200], None, 100, 0)).value)


def test_few_patients_have_a_distance_without_an_interval():
    few = apart(of_values("site", SITE), Resampler(np.r_[0, 0, 1, 2, 3, 4, 5, 6, 7, 8], None, 200, 0))
    assert (few.low, few.refused) == (None, "4 patients of a group, and 5 are needed")
    assert few.value == pytest.approx(0.0, abs=1e-7)
