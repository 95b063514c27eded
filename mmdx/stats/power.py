"""How many patients a next study takes: planned on what models said of the patients of this one."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Int

from mmdx.errors import UsageError, did_you_mean
from mmdx.stats.cohort.ablation_folder import select
from mmdx.stats.cohort.cohort import Cohort, read_cohort
from mmdx.stats.cohort.sources import Inputs
from mmdx.stats.comparison.resampler import Count
from mmdx.stats.report.words import bracketed, counted, number
from mmdx.stats.resampling.intervals import why_too_few
from mmdx.stats.significance.sample_size import (
    COHORTS,
    MOST_ROWS,
    WANTED,
    SampleSize,
    ScoredPair,
    patients_needed,
    with_difference,
)


@dataclass(frozen=True)
class Planned:
    """The reference beside one other model: their names, and how many patients show that they differ."""

    reference: str
    other: str
    needed: SampleSize


@dataclass(frozen=True)
class Power:
    """How many patients a difference of AUROC for `finding` takes, by model beside the reference.

    `stated` is the difference that was asked for, None where it is the one that was seen; `patients` and `positives`
    are those that it was planned on.
    """

    finding: str
    stated: float | None
    patients: int
    positives: int
    planned: tuple[Planned, ...]

    @property
    def sentences(self) -> tuple[str, ...]:
        """What was found, one model after the other, and what it rests on."""
        rests = (
            f"Planned on the scores of {counted(self.patients, 'patient')}, {self.positives} of them with "
            f"{self.finding}: the next patients are taken to be like these, as often with the finding, and the models "
            "to stay as they are. A difference that was seen is itself unsure, and one that was chosen for being large "
            "is too large: plan for the least that matters (--difference)."
        )
        return (*(_told(self, plan) for plan in self.planned), rests)

    def to_json(self) -> dict[str, Any]:
        """Plain values: the fields, and by model those of `SampleSize`."""
        head = {"finding": self.finding, "stated": self.stated, "patients": self.patients, "positives": self.positives}
        return head | {"power": WANTED, "alpha": 0.05, "planned": [asdict(plan) for plan in self.planned]}


def plan_power(
    inputs: Inputs,
    *,
    difference: float | None = None,
    finding: str | None = None,
    split: str = "test",
    seed: int = 0,
    count: Count | None = None,
) -> Power:
    """Plans the comparison of the first model with each other one of run folders, prediction files or tables.

    `finding` is what it is about (None: the primary one, or the only one); `difference` how much better the first is
    to be (None: the difference that was seen). Of several trainings the first is taken. `count` is told how many
    numbers of patients were tried. Raises `UsageError` where there is one model, no finding or no such difference, else
    as `read_cohort`.
    """
    if difference is not None and not 0 < difference < 0.5:
        raise UsageError(f"difference {difference:g}: must lie between 0 and 0.5, in AUROC (0.03 is three hundredths)")
    selection = select(inputs)
    cohort = read_cohort(selection.inputs, split=split, configs=selection.configs, fullest=selection.fullest)
    column = _column(cohort, finding)
    if len(cohort.models) < 2:
        raise UsageError("one model alone: give a run that was shown several things, or several runs")
    known = np.flatnonzero(~np.isnan(cohort.labels[:, column]))
    planned = []
    for arm in cohort.models[1:]:
        reference, other = (cohort.arms[each].name for each in (cohort.models[0], arm))
        about = f"drawing cohorts of {reference} and {other}"
        needed = _needed(_pair(cohort, known, column, arm), difference, seed, about, count)
        planned.append(Planned(reference, other, needed))
    patients = cohort.patients[known]
    positives = len(np.unique(patients[cohort.labels[known, column] == 1]))
    return Power(cohort.findings[column], difference, len(np.unique(patients)), positives, tuple(planned))


def _column(cohort: Cohort, finding: str | None) -> int:
    named = finding or cohort.primary_finding or (cohort.findings[0] if len(cohort.findings) == 1 else None)
    if named is None:
        raise UsageError(f"name the finding that the study is about (--finding): {', '.join(cohort.findings)}")
    if named not in cohort.findings:
        raise UsageError(f"finding '{named}': not in the predictions; {did_you_mean(named, cohort.findings)}")
    return cohort.findings.index(named)


def _pair(cohort: Cohort, known: Int[np.ndarray, "m"], column: int, arm: int) -> ScoredPair:
    first, second = (cohort.scored[each][0].finding(column, known) for each in (cohort.models[0], arm))
    patients = np.unique(cohort.patients[known], return_inverse=True)[1]
    return ScoredPair(cohort.labels[known, column], first[0], second[0], patients, (first[1], second[1]))


def _needed(pair: ScoredPair, difference: float | None, seed: int, about: str, count: Count | None) -> SampleSize:
    def told(done: int, total: int) -> None:
        if count is not None:
            count(about, done, total, "sizes")

    refused = why_too_few(pair.labels, pair.patients)
    if difference is None or refused:
        return patients_needed(pair, seed=seed, count=told)
    return patients_needed(with_difference(pair, difference), stated=True, seed=seed, count=told)


def _told(power: Power, plan: Planned) -> str:
    needed = plan.needed
    seen = "difference that was seen" if power.stated is None else "difference of"
    head = f"{plan.reference} and {plan.other}, {seen} {number(needed.difference)} in AUROC for {power.finding}"
    if needed.patients is None:
        return f"{head}: no number of patients can be planned: {needed.refused}."
    low, high = needed.low, needed.high
    if low is None:
        bounds = "no bound: resamples of these patients do not show in which direction it is"
    else:
        bounds = f"95 % interval from {low} on, without an end" if high is None else f"95 % interval {low} to {high}"
    text = f"{head}: {needed.patients} patients are needed for a power of {WANTED:g} ({bounds})."
    if needed.power is None:
        return f"{text} That follows from the test's error alone: no cohorts of more than {MOST_ROWS} rows were drawn."
    share, least, most = needed.power
    return f"{text} In {COHORTS} drawn cohorts of so many it was shown in {bracketed(share, least, most)}."
