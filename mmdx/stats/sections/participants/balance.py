"""How far apart two groups of studies are in a characteristic: standardized mean differences, with intervals.

Of numbers and of shares the difference of the means over the root of the mean variance of both groups (Austin 2009,
Statistics in Medicine 28:3083), a function of weighted sums, so that patients can be drawn; of words with three or more
values the Mahalanobis distance of their shares (Yang and Dalton 2012, SAS Global Forum 335) without what chance adds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int
from scipy.optimize import brentq
from scipy.stats import chi2, ncx2

from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.comparison.sums import sum_by_patient
from mmdx.stats.resampling.intervals import FEWEST_PATIENTS, Estimate, interval

MOST_RESAMPLES = 400
TAIL = 0.025
PRESENT, POSITIVE = "present", "positive"
"""Levels of what is there or is not."""
MOST_VALUES = 4
"""Different numbers that are counted one by one, as subgroups are made of them."""


@dataclass(frozen=True, eq=False)
class Characteristic:
    """One thing that is known of studies: numbers, or words with their `levels`, the commonest first.

    `columns` has, of numbers, the value of each study, NaN where it is missing; of words, a column of ones and zeros
    per level, all NaN where it is missing.
    """

    name: str
    columns: Float[np.ndarray, "n k"]
    levels: tuple[str, ...] = ()

    @property
    def complement(self) -> bool:
        """Whether the second of two levels says no more than that the first is absent."""
        return len(self.levels) == 2 and self.levels[0] in (PRESENT, POSITIVE)

    @property
    def known(self) -> Bool[np.ndarray, "n"]:
        """Which studies have it."""
        return ~np.isnan(self.columns[:, 0])


def of_numbers(name: str, values: pd.Series) -> Characteristic:
    """A characteristic of numbers."""
    return Characteristic(name, values.to_numpy(dtype=np.float64)[:, None])


def of_values(name: str, values: pd.Series) -> Characteristic:
    """A characteristic of numbers, or of words where it has words or at most four different numbers."""
    if pd.api.types.is_float_dtype(values):
        if values.nunique() > MOST_VALUES:
            return of_numbers(name, values)
        values = values.map(lambda value: f"{value:g}", na_action="ignore")
    return of_words(name, values)


def of_words(name: str, values: pd.Series) -> Characteristic:
    """A characteristic of words; None and NaN are missing."""
    levels = tuple(
        map(str, values.dropna().value_counts().sort_index().sort_values(ascending=False, kind="stable").index)
    )
    words = values.astype(object).where(values.notna(), None)
    rows = [[float(str(word) == level) if word is not None else np.nan for level in levels] for word in words]
    return Characteristic(name, np.array(rows, dtype=np.float64).reshape(len(values), len(levels)), levels)


def of_shares(name: str, level: str, values: Float[np.ndarray, "n"]) -> Characteristic:
    """A characteristic that is there (1), or is not (0), or is unknown (NaN); `level` is `PRESENT` or `POSITIVE`."""
    return Characteristic(name, np.stack([values, 1 - values], axis=1), (level, f"not {level}"))


def difference(
    one: Characteristic, groups: tuple[Bool[np.ndarray, "n"], Bool[np.ndarray, "n"]], resampler: Resampler
) -> Estimate:
    """The second group minus the first, in standard deviations; of three or more levels their distance, from 0.

    The interval is over the resampler's patients; that of a distance draws none, for a resample has other levels. It is
    refused where fewer than five patients of a group have the characteristic. NaN where it is undefined: in a group it
    is all missing, or both are constant and differ.
    """
    columns, known = one.columns, one.known
    if not one.levels:
        middle = np.nanmean(columns) if known.any() else 0.0
        columns = np.concatenate([columns - middle, (columns - middle) ** 2], axis=1)
    columns = np.concatenate([np.ones((len(columns), 1)), columns], axis=1)
    columns = np.where(known[:, None], columns, 0.0)
    sums = np.concatenate([columns * group[:, None] for group in groups], axis=1)
    by_patient = sum_by_patient(sums, resampler.patients, resampler.patient_count)
    few = min(len(np.unique(resampler.patients[group & known])) for group in groups)
    why = f"{few} patients of a group, and {FEWEST_PATIENTS} are needed" if few < FEWEST_PATIENTS else None
    value = float(_distance(by_patient.sum(axis=0, keepdims=True), one)[0])
    if len(one.levels) > 2 and not np.isnan(value):
        return _beyond_chance(value, np.stack(np.split(by_patient, 2, axis=1)), why)
    if why is not None:
        return Estimate(value, None, None, 0, why)
    return interval(value, _distance(resampler.at_most(MOST_RESAMPLES).sums(by_patient), one))


def _beyond_chance(value: float, counts: Float[np.ndarray, "2 p k"], refused: str | None) -> Estimate:
    """A distance of shares without what chance adds to its square, and the interval that inverts its distribution.

    Groups that are dealt by chance are apart, too: over what chance adds for each level but one, the square is a
    chi-square, noncentral where the groups differ (Steiger 2004, Psychological Methods 9:164). `counts` are the studies
    of each patient in each group, and those of each level: all of a patient count as if they were alike (Kish's number
    of independent ones), and levels that neither group has do not count.
    """
    studies, freedom = counts[:, :, 0], int((counts[:, :, 1:].sum(axis=(0, 1)) > 0).sum()) - 1
    added = float(((studies**2).sum(axis=1) / studies.sum(axis=1) ** 2).sum())
    corrected = float(np.sqrt(max(value**2 - freedom * added, 0.0)))
    if refused is not None:
        return Estimate(corrected, None, None, 0, refused)
    if freedom == 0:
        return Estimate(0.0, 0.0, 0.0, 0)
    low, high = (float(np.sqrt(added * _noncentrality(value**2 / added, freedom, share))) for share in (1 - TAIL, TAIL))
    return Estimate(corrected, low, high, 0)


def _noncentrality(seen: float, freedom: int, share: float) -> float:
    """Of the chi-square that has this `share` below what was seen; 0 where a central one has no more there."""
    if chi2.cdf(seen, freedom) <= share:
        return 0.0

    def over(noncentrality: float) -> float:
        return float(ncx2.cdf(seen, freedom, max(noncentrality, 1e-9))) - share

    most = seen + freedom
    while over(most) > 0:
        most *= 2
    return float(brentq(over, 0.0, most))


def _distance(sums: Float[np.ndarray, "r k"], one: Characteristic) -> Float[np.ndarray, "r"]:
    first, second = np.split(sums, 2, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        if not one.levels:
            means, variances = zip(*(_moments(part) for part in (first, second)), strict=True)
            return _standardized(means[1] - means[0], np.mean(variances, axis=0))
        shares = [part[:, 1:] / part[:, :1] for part in (first, second)]
        if len(one.levels) <= 2:
            p, q = shares[0][:, 0], shares[1][:, 0]
            return _standardized(q - p, (p * (1 - p) + q * (1 - q)) / 2)
    return _mahalanobis(shares)


def _moments(sums: Float[np.ndarray, "r 3"]) -> tuple[Float[np.ndarray, "r"], Float[np.ndarray, "r"]]:
    """Mean and unbiased variance, from the number, the sum and the sum of squares."""
    count, total, squares = sums.T
    mean = total / count
    return mean, np.maximum(squares - count * mean**2, 0.0) / (count - 1)


def _standardized(shift: Float[np.ndarray, "r"], variance: Float[np.ndarray, "r"]) -> Float[np.ndarray, "r"]:
    """0 where both groups are constant and alike, NaN where they are constant and differ."""
    ratio = shift / np.sqrt(variance)
    constant = variance <= 1e-12 * np.maximum(shift**2, 1e-12)
    return np.where(constant, np.where(np.abs(shift) < 1e-12, 0.0, np.nan), ratio)


def _mahalanobis(shares: Sequence[Float[np.ndarray, "r k"]]) -> Float[np.ndarray, "r"]:
    """The distance of the shares of all levels but the first, over the mean of their multinomial covariances."""
    p, q = (part[:, 1:] for part in shares)
    usable = np.isfinite(p).all(axis=1) & np.isfinite(q).all(axis=1)
    distances = np.full(len(p), np.nan)
    if usable.any():
        p, q = p[usable], q[usable]
        covariance = -(p[:, :, None] * p[:, None, :] + q[:, :, None] * q[:, None, :]) / 2
        places = np.arange(p.shape[1])
        covariance[:, places, places] = (p * (1 - p) + q * (1 - q)) / 2
        shift = (q - p)[:, :, None]
        squares = (shift.transpose(0, 2, 1) @ np.linalg.pinv(covariance, hermitian=True) @ shift)[:, 0, 0]
        distances[usable] = np.sqrt(np.maximum(squares, 0.0))
    return distances


def codes_of(parts: Sequence[str]) -> Int[np.ndarray, "n"]:
    """A number for each of some names, to draw patients of each among themselves."""
    return np.unique(list(parts), return_inverse=True)[1].ravel()
