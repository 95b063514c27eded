"""Error rates and calibration within subgroups: missed findings, false alarms, and how far scores are off on average.

All are made of sums over rows, so that resamples and groups dealt anew cost one product each. A gap is tested as that
of the AUROC is (`gaps.py`): groups are dealt anew among the patients, those with and without a positive label apart.

In shapes, n is the number of rows, p of patients, c of pairs of a patient and a group, k of sums, r of draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from mmdx.stats.cohort.cohort import Cohort
from mmdx.stats.comparison.drawn import Drawn
from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.comparison.sums import sum_by_patient
from mmdx.stats.report.words import counted
from mmdx.stats.resampling.intervals import FEWEST_PATIENTS
from mmdx.stats.resampling.weights import share
from mmdx.stats.sections.subgroups.gaps import Trait
from mmdx.stats.sections.subgroups.patient_groups import FEWEST_IN_GROUP
from mmdx.stats.significance.difference import ALPHA, holm
from mmdx.stats.significance.permutation import chance_of

RATES = {
    "missed": "share missed (FNR)",
    "alarms": "false alarms (FPR)",
    "off": "observed minus expected",
}
"""By key: what a column of the table is called. Each is a share of two sums of a row."""
MOST_DEALT = 1000
_SUMS = 2 * len(RATES)


@dataclass(frozen=True)
class GroupRates:
    """The rates of the reference in one group, by the keys of `RATES`, as means over the findings of its trait."""

    trait: str
    name: str
    patients: int
    rates: dict[str, Drawn]


@dataclass(frozen=True)
class RateGap:
    """The largest gap of one rate between two groups of a trait, and whether it is more than chance."""

    trait: str
    rate: str
    highest: GroupRates
    lowest: GroupRates
    p: float
    corrected: float = np.nan

    @property
    def size(self) -> float:
        return self.highest.rates[self.rate].value - self.lowest.rates[self.rate].value

    @property
    def shown(self) -> bool:
        return self.corrected <= ALPHA


def with_thresholds(cohort: Cohort, traits: Sequence[Trait]) -> list[Trait]:
    """The traits with those of their findings for which every training of the reference has thresholds, where any."""
    trainings = cohort.scored[cohort.models[0]]
    able = [
        f
        for f in range(len(cohort.findings))
        if not any(np.isnan(one.acted_on[~np.isnan(cohort.labels[:, f]), f]).any() for one in trainings)
    ]
    kept = [replace(trait, findings=tuple(f for f in trait.findings if f in able)) for trait in traits]
    return [trait for trait in kept if trait.findings]


def crossed(cohort: Cohort, traits: Sequence[Trait]) -> Trait | None:
    """The groups of the first two traits at once, each with ten patients, and five with and without each finding.

    None where fewer than two traits, groups or no finding are left.
    """
    if len(traits) < 2:
        return None
    first, second = traits[:2]
    findings = tuple(f for f in first.findings if f in second.findings)
    groups = {
        f"{one}, {other}": rows & others
        for one, rows in first.groups.items()
        for other, others in second.groups.items()
        if _enough(cohort, rows & others, findings)
    }
    return Trait(f"{first.name} × {second.name}", groups, findings) if findings and len(groups) > 1 else None


def _enough(cohort: Cohort, rows: np.ndarray, findings: Sequence[int]) -> bool:
    def patients(chosen: np.ndarray) -> int:
        return len(np.unique(cohort.patients[chosen]))

    classes = [rows & (cohort.labels[:, f] == kind) for f in findings for kind in (0, 1)]
    return patients(rows) >= FEWEST_IN_GROUP and all(patients(each) >= FEWEST_PATIENTS for each in classes)


def score_rates(cohort: Cohort, traits: Sequence[Trait], resampler: Resampler) -> list[list[GroupRates]]:
    """By trait and group, over the same resamples of all patients."""
    count = int(cohort.patients.max()) + 1
    columns = _columns(cohort)
    parts = [
        sum_by_patient(_of(columns, trait) * rows[:, None], cohort.patients, count)
        for trait in traits
        for rows in trait.groups.values()
    ]
    once, sums, start = np.hstack(parts), resampler.sums(np.hstack(parts)), 0
    by_trait = []
    for trait in traits:
        of_trait = []
        for name, rows in trait.groups.items():
            place = slice(start, start + _SUMS * len(trait.findings))
            start = place.stop
            values = _means(np.vstack([once[:, place].sum(axis=0), sums[:, place]]))
            drawn = {rate: _drawn(cohort, trait, rows, rate, own) for rate, own in zip(RATES, values.T, strict=True)}
            of_trait.append(GroupRates(trait.name, name, len(np.unique(cohort.patients[rows])), drawn))
        by_trait.append(of_trait)
    return by_trait


def find_rate_gaps(
    cohort: Cohort, traits: Sequence[Trait], by_trait: Sequence[Sequence[GroupRates]], *, seed: int
) -> list[RateGap]:
    """The largest gap of each rate of each trait, corrected (Holm) over traits and rates."""
    columns, gaps = _columns(cohort), []
    for trait, groups in zip(traits, by_trait, strict=True):
        p_values = _gap_p(cohort, trait, _of(columns, trait), seed=seed)
        for rate, p in zip(RATES, p_values, strict=True):
            values = [group.rates[rate].value for group in groups]
            highest, lowest = (groups[int(pick(values))] for pick in (np.argmax, np.argmin))
            gaps.append(RateGap(trait.name, rate, highest, lowest, p))
    corrected = holm([gap.p for gap in gaps])
    return [replace(gap, corrected=own) for gap, own in zip(gaps, corrected, strict=True)]


def _columns(cohort: Cohort) -> Float[np.ndarray, "n f 6"]:
    """What each row adds to the sums, by finding: tops and bottoms of `RATES`, one after the other; 0 without a label.

    The answers and the probabilities of several trainings are averaged.
    """
    trainings, labels = cohort.scored[cohort.models[0]], cohort.labels
    yes = np.mean([one.scores >= one.acted_on for one in trainings], axis=0)
    chance = np.mean([np.where(np.isnan(one.calibrated), one.scores, one.calibrated) for one in trainings], axis=0)
    positive, negative, known = labels == 1, labels == 0, ~np.isnan(labels)
    off = np.where(known, labels - chance, 0.0)
    return np.stack([positive * (1 - yes), positive, negative * yes, negative, off, known], axis=2).astype(np.float64)


def _of(columns: Float[np.ndarray, "n f 6"], trait: Trait) -> Float[np.ndarray, "n k"]:
    return columns[:, list(trait.findings)].reshape(len(columns), -1)


def _means(sums: Float[np.ndarray, "r k"]) -> Float[np.ndarray, "r 3"]:
    """The rates from their sums by finding, averaged over the findings; NaN where one of them is undefined."""
    parts = sums.reshape(len(sums), -1, len(RATES), 2)
    return share(parts[..., 0], parts[..., 1]).mean(axis=1)


def _drawn(cohort: Cohort, trait: Trait, rows: np.ndarray, rate: str, values: Float[np.ndarray, "r"]) -> Drawn:
    kinds = {"missed": (1,), "alarms": (0,), "off": (0, 1)}[rate]
    counts = [len(np.unique(cohort.patients[rows & np.isin(cohort.labels[:, f], kinds)])) for f in trait.findings]
    refused = None
    if min(counts) < FEWEST_PATIENTS:
        refused = f"{counted(min(counts), 'patient')} to count on, and {FEWEST_PATIENTS} are needed"
    elif rate != "off" and values[0] in (0.0, 1.0):
        refused = "all rows are of one kind, which no resample can change"
    return Drawn(float(values[0]), values[1:], refused)


def _gap_p(cohort: Cohort, trait: Trait, columns: Float[np.ndarray, "n k"], *, seed: int) -> list[float]:
    """The chance of gaps as large, by rate, where groups are dealt among patients, as in `gaps.py`."""
    rows = np.flatnonzero(np.any(list(trait.groups.values()), axis=0))
    member, count = np.argmax([group[rows] for group in trait.groups.values()], axis=0), len(trait.groups)
    cells, cell = np.unique(cohort.patients[rows] * count + member, return_inverse=True)
    of_cell, ill = cells % count, np.zeros(len(cells), dtype=bool)
    np.logical_or.at(ill, cell, (cohort.labels[rows][:, list(trait.findings)] == 1).any(axis=1))
    sums = sum_by_patient(columns[rows], cell, len(cells))
    seen = _gaps_of(sums, of_cell[None], count)[0]

    def of_rate(place: int) -> float:
        generator = np.random.default_rng(seed)

        def draw(size: int) -> Float[np.ndarray, "r"]:
            dealt = np.tile(of_cell, (size, 1))
            for stratum in (ill, ~ill):
                dealt[:, stratum] = generator.permuted(dealt[:, stratum], axis=1)
            return _gaps_of(sums, dealt, count)[:, place]

        return chance_of(float(seen[place]), draw, most=MOST_DEALT)

    return [np.nan if np.isnan(seen[place]) else of_rate(place) for place in range(len(RATES))]


def _gaps_of(sums: Float[np.ndarray, "c k"], member: Int[np.ndarray, "r c"], count: int) -> Float[np.ndarray, "r 3"]:
    """The largest minus the smallest of each rate over groups, where `member` says which each cell is in."""
    rates = [_means((member == group).astype(np.float64) @ sums) for group in range(count)]
    return np.ptp(np.stack(rates), axis=0)
