"""Folds by site: who tests what, how small sites are joined, and what is refused."""

from __future__ import annotations

import pytest

from mmdx.data.splits.sites import site_folds
from mmdx.errors import DataError


def dealt(**patients: int) -> tuple[list[str], list[str | float | None]]:
    """So many patients of each site, one study each."""
    sites = [site for site, count in patients.items() for _ in range(count)]
    return [f"p{number}" for number in range(len(sites))], list(sites)


def test_each_site_is_a_fold_and_small_ones_are_joined():
    folds, names = site_folds(*dealt(b=12, a=10, c=6, d=4), name="source")
    assert names == ("a", "b", "c + d")
    assert (folds.count(0), folds.count(1), folds.count(2)) == (10, 12, 10)
    assert folds[0] == 1


def test_small_ones_take_the_smallest_other_site_where_they_are_too_few():
    folds, names = site_folds(*dealt(a=30, b=12, c=3), name="source")
    assert names == ("a", "b + c")
    assert folds.count(1) == 15


def test_numbers_and_patients_with_several_studies():
    folds, names = site_folds(["p"] * 3 + [f"q{n}" for n in range(20)], [1.0] * 13 + [2.5] * 10, name="scanner")
    assert names == ("1", "2.5")
    assert folds[:3] == (0, 0, 0)


def test_what_is_refused_in_a_line():
    patients, sites = dealt(a=12, b=12)
    with pytest.raises(DataError, match=r"data\.folds\.by=source: 1 of 24 studies have none; fill it in"):
        site_folds(patients, [None, *sites[1:]], name="source")
    with pytest.raises(DataError, match=r"data\.folds\.by=source: no study has such a trait"):
        site_folds(patients, [None] * 24, name="source")
    with pytest.raises(DataError, match=r"1 patients have studies of several sites \('p0'\)"):
        site_folds([*patients, "p0"], [*sites, "b"], name="source")
    with pytest.raises(DataError, match="2 values make 1 fold of 10 patients or more"):
        site_folds(*dealt(a=30, b=3), name="source")
