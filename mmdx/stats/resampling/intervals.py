"""How sure a number is: percentile and BCa intervals of a bootstrap over patients.

Slices and studies of one patient are alike, so that patients are drawn, with replacement, and each brings all its rows
(cluster bootstrap; Field and Welsh, J R Stat Soc B 2007). The rows' weights are the counts of their patients, the same
for every finding and for every model, so that differences are paired by construction.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.special import ndtr, ndtri

Kind = Literal["percentile", "bca"]
CONFIDENCE = 0.95
"""The confidence level of every interval."""
LEAST_USABLE = 0.5
"""The share of resamples in which a metric must be defined; below it, no interval is given."""
FEWEST_VALUES = 39
"""The fewest values of which a 95 % interval leaves one out on each side."""
FEWEST_PATIENTS = 5
"""Patients that each class of a finding must have. With fewer, resampling hardly varies the class: at a true AUROC of
0.8 and 60 negatives, 95 % intervals held it in 27, 65, 78, 83 and 85 % of cohorts with 1, 2, 3, 4 and 5 positives (91 %
with 10), and two equally good models were called different in 62, 24, 15, 9 and 10 %."""
FEWEST_IN_MEAN = 3
"""The same for each finding of a macro mean, in which one finding weighs less: two equally good models were called
different in 11 % of cohorts where half of six findings had 3 positives, in 16 % where they had 2."""
FEW_IN_CLASS = 5
"""Patients of a class below which they are a stratum of their own. Drawn freely, a class of 4 is missing from 2 % of
resamples, one of 3 from 5 %, one of 5 from 0.7 %, so that a mean over several such findings would lose many. Strata of
larger classes (below 20) made intervals narrower and hold the truth less often: `docs/statistics.md`."""
CELLS_AT_ONCE = 2_500_000
"""Weights (resamples times rows) held at a time, which bounds the memory whatever the cohort."""


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval over patients; without an interval, `refused` says why.

    `usable` counts the resamples in which the value was defined. The value itself is NaN where it is undefined.
    """

    value: float
    low: float | None
    high: float | None
    usable: int
    refused: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values for a JSON file, by the names of the fields; NaN as None."""
        return asdict(self) | {"value": nullable(self.value)}


def nullable(value: float | None) -> float | None:
    """The value for a JSON file, which has no NaN: None in its place."""
    return None if value is None or np.isnan(value) else float(value)


def draw_patients(
    patients: Int[np.ndarray, "n"], *, resamples: int, seed: int, strata: Int[np.ndarray, "n"] | None = None
) -> Iterator[tuple[slice, Int[np.ndarray, "r n"]]]:
    """Weights of the rows in each resample, some resamples at a time, with their place among all.

    `patients` gives each row's patient, numbered from 0 without gaps. A row's weight is how often its patient was
    drawn. Patients of one stratum, where `strata` are given, are drawn among themselves, as many as there are.
    """
    at_once = max(1, min(256, CELLS_AT_ONCE // len(patients)))
    for place, counts in draw_counts(patients, resamples=resamples, seed=seed, at_once=at_once, strata=strata):
        yield place, counts[:, patients]


def draw_counts(
    patients: Int[np.ndarray, "n"],
    *,
    resamples: int,
    seed: int,
    at_once: int,
    strata: Int[np.ndarray, "n"] | None = None,
) -> Iterator[tuple[slice, Int[np.ndarray, "r p"]]]:
    """As `draw_patients`, but how often each patient was drawn; the seed alone sets it, whatever `at_once` is."""
    generator = np.random.default_rng(seed)
    count = int(patients.max()) + 1
    members, first, sizes = (None, 0, count)
    if strata is not None and np.ptp(strata):
        members, first, sizes = _slots(patients, strata)
    for start in range(0, resamples, at_once):
        size = min(at_once, resamples - start)
        draws = generator.integers(sizes, size=(size, count)) + first
        draws = draws if members is None else members[draws]
        # One count over all resamples: the patients of each have numbers of their own.
        draws += np.arange(size)[:, None] * count
        counts = np.bincount(draws.ravel(), minlength=size * count).reshape(size, count)
        yield slice(start, start + size), counts.astype(np.int32)


def rare_strata(
    labels: Float[np.ndarray, "n f"], patients: Int[np.ndarray, "n"], *, below: int = FEW_IN_CLASS
) -> Int[np.ndarray, "n"]:
    """The stratum of each row: patients of a class of fewer than `below` are one, all others stratum 0.

    The rarest class comes first and keeps its patients; a patient with rows of both classes is of the rarer. No stratum
    has a single patient, which would be drawn every time: it joins the others.
    """
    count = int(patients.max()) + 1
    stratum = np.zeros(count, dtype=np.int64)
    classes = [np.unique(patients[labels[:, f] == kind]) for f in range(labels.shape[1]) for kind in (1, 0)]
    for rare in sorted((members for members in classes if len(members) < below), key=len):
        free = rare[stratum[rare] == 0]
        if len(free) > 1:
            stratum[free] = stratum.max() + 1
    if stratum.max() > 0 and (stratum == 0).sum() == 1:
        stratum[stratum == 0] = stratum.max()
    return stratum[patients]


def interval(value: float, resampled: Float[np.ndarray, "r"], *, refused: str | None = None) -> Estimate:
    """The percentile interval of `value` from its resampled values, of which NaN ones are dropped and counted.

    The bounds are order statistics: an interval of differences leaves out zero exactly where the p-value of
    `difference.paired_difference` is at most 0.05. A reason given as `refused` keeps the interval back.
    """
    usable = np.sort(resampled[~np.isnan(resampled)])
    refused = refused or why_no_interval(value, resampled)
    if refused:
        return Estimate(value, None, None, len(usable), refused)
    rank = int((len(usable) + 1) * (1 - CONFIDENCE) / 2 + 1e-9)
    return Estimate(value, float(usable[rank - 1]), float(usable[-rank]), len(usable))


def raised(value: float, resampled: Float[np.ndarray, "r"]) -> Float[np.ndarray, "r"]:
    """Resampled values of a measure from 0 to 1 that resampling raises, moved so that their median is the value.

    Rows that are drawn twice look less calibrated than they are: the percentiles of a calibration error may leave out
    the very value that they are of.
    """
    return np.clip(resampled - (np.nanmedian(resampled) - value), 0, 1) if not np.isnan(resampled).all() else resampled


def bca_interval(
    value: float,
    resampled: Float[np.ndarray, "r"],
    jackknife: Float[np.ndarray, "k"],
    *,
    refused: str | None = None,
) -> Estimate:
    """The bias-corrected and accelerated interval of `value` (Efron 1987; DiCiccio and Efron 1996).

    `jackknife` holds the value without each patient, or group of patients. The bounds are order statistics of the
    resampled values, which they cannot leave; with neither bias nor acceleration they are those of `interval`. Refused,
    beside that, where the values are all alike, all on one side of `value`, or where a bound would lie beyond them.
    """
    usable = np.sort(resampled[~np.isnan(resampled)])
    refused = refused or why_no_interval(value, resampled) or _why_no_acceleration(jackknife)
    if refused:
        return Estimate(value, None, None, len(usable), refused)
    below, acceleration = share_below(usable, value), _acceleration(jackknife)
    shift = ndtri(below) + ndtri(np.array([(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]))
    room = 1 - acceleration * shift
    if not 0 < below < 1:
        refused = "all resamples lie on one side of it, so that its bias has no measure"
    elif room.min() <= 0:
        refused = f"its acceleration, {acceleration:.2f}, is more than an interval can be corrected for"
    if refused:
        return Estimate(value, None, None, len(usable), refused)
    shares = ndtr(ndtri(below) + shift / room) * (len(usable) + 1)
    low, high = int(shares[0] + 1e-9), int(np.ceil(shares[1] - 1e-9))
    if low < 1 or high > len(usable):
        refused = f"its bias is more than {len(usable)} resamples can correct: a bound lies beyond all of them"
        return Estimate(value, None, None, len(usable), refused)
    return Estimate(value, float(usable[low - 1]), float(usable[high - 1]), len(usable))


def bca_p(value: float, resampled: Float[np.ndarray, "r"], jackknife: Float[np.ndarray, "k"]) -> float:
    """The two-sided p-value of zero that inverts `bca_interval`; for values of which that is not refused.

    A resample is added on the side of zero that has fewer, so that it is never 0.
    """
    usable = resampled[~np.isnan(resampled)]
    bias, acceleration = ndtri(share_below(usable, value)), _acceleration(jackknife)
    at = ndtri(np.clip(share_below(usable, 0.0), 1 / (len(usable) + 1), len(usable) / (len(usable) + 1)))
    # The normal quantile at which a bound of the interval is zero: DiCiccio and Efron 1996, eq. 2.3, solved for it.
    quantile = (at - bias) / (1 + acceleration * (at - bias)) - bias
    return float(min(1.0, 2 * min(ndtr(quantile), ndtr(-quantile))))


def share_below(resampled: Float[np.ndarray, "r"], value: float) -> float:
    """The share of resampled values below `value`, ties counting half: also those in the sixteenth digit."""
    away = np.round(resampled - value, 12)
    return float(((away < 0).sum() + (away <= 0).sum()) / (2 * len(resampled)))


def _acceleration(jackknife: Float[np.ndarray, "k"]) -> float:
    influence = jackknife.mean() - jackknife
    influence = influence / np.abs(influence).max()
    return float((influence**3).sum() / (6 * (influence**2).sum() ** 1.5))


def why_no_interval(value: float, resampled: Float[np.ndarray, "r"]) -> str | None:
    """The reason why resampled values cannot carry an interval; None where they can."""
    usable = int((~np.isnan(resampled)).sum())
    if np.isnan(value):
        return "the value is undefined"
    if usable < max(LEAST_USABLE * len(resampled), FEWEST_VALUES):
        return f"{usable} of {len(resampled)} resamples define it, which is too few"
    return None


def _why_no_acceleration(jackknife: Float[np.ndarray, "k"]) -> str | None:
    undefined = int(np.isnan(jackknife).sum())
    if undefined:
        return f"{undefined} of {len(jackknife)} jackknife values are undefined, so that its acceleration is"
    if np.ptp(jackknife) < 1e-12:
        return "no patient left out changes it, so that its acceleration is undefined"
    return None


def why_too_few(
    labels: Float[np.ndarray, "n"], patients: Int[np.ndarray, "n"], *, fewest: int = FEWEST_PATIENTS
) -> str | None:
    """The reason why the labels of one finding stand on too few patients for an interval; None where they do not.

    A patient with rows of both kinds counts in both classes.
    """
    for kind, chosen in (("with", labels == 1), ("without", labels == 0)):
        count = _distinct(patients, chosen)
        if count < fewest:
            return f"{count} patient{'' if count == 1 else 's'} {kind} the finding, and {fewest} are needed"
    return None


def _distinct(patients: Int[np.ndarray, "n"], chosen: Bool[np.ndarray, "n"]) -> int:
    return len(np.unique(patients[chosen]))


def _slots(
    patients: Int[np.ndarray, "n"], strata: Int[np.ndarray, "n"]
) -> tuple[Int[np.ndarray, "p"], Int[np.ndarray, "p"], Int[np.ndarray, "p"]]:
    """The patients stratum by stratum; of each draw, where the patients of its stratum start, and how many they are."""
    of_patient = np.zeros(int(patients.max()) + 1, dtype=np.int64)
    of_patient[patients] = np.unique(strata, return_inverse=True)[1]
    sizes = np.bincount(of_patient)
    strata_in_order = np.sort(of_patient)
    starts = np.cumsum(sizes) - sizes
    return np.argsort(of_patient, kind="stable"), starts[strata_in_order], sizes[strata_in_order]
