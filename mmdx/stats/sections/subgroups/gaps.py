"""Subgroups of patients: a metric within the groups of each trait, and whether the largest gap is more than chance.

A gap is tested by dealing the groups anew among the patients, those with a positive label and those without any apart,
so that a group which merely holds more ill patients is no gap.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from mmdx.stats.cohort.cohort import Cohort
from mmdx.stats.cohort.counts import leading, why_no_mean
from mmdx.stats.cohort.showings import modalities
from mmdx.stats.comparison.drawn import Drawn
from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.metrics.folds import Ladders, comparable
from mmdx.stats.metrics.ranking import auroc
from mmdx.stats.metrics.registry import METRICS
from mmdx.stats.report.words import listed
from mmdx.stats.resampling.intervals import FEWEST_IN_MEAN, why_too_few
from mmdx.stats.sections.subgroups.patient_groups import FEWEST_IN_GROUP, group_by
from mmdx.stats.significance.difference import ALPHA, Difference, holm
from mmdx.stats.significance.permutation import chance_of
from mmdx.study import modality_of

AUROC = METRICS["auroc"]
CELLS = 200_000_000
"""Rows times groups times permutations that the tests of all traits may take, within the bounds below."""
MOST_PERMUTATIONS = 1000
FEWEST_PERMUTATIONS = 300
DTYPE = np.dtype(np.uint32)


@dataclass(frozen=True)
class Trait:
    """A trait whose groups can be compared, and the findings that have both classes in each of them, the primary one
    alone where one is named."""

    name: str
    groups: Mapping[str, Bool[np.ndarray, "n"]]
    findings: tuple[int, ...]


@dataclass(frozen=True)
class Subgroup:
    """The reference in one group, and its paired difference to the second model where there is one."""

    trait: str
    name: str
    patients: int
    rows: int
    positive_patients: int
    reference: Drawn
    difference: Difference | None


@dataclass(frozen=True)
class Gap:
    """The best and the worst group of a trait, and whether the groups differ by more than chance."""

    trait: Trait
    best: Subgroup
    worst: Subgroup
    p: float
    corrected: float

    @property
    def size(self) -> float:
        return self.best.reference.value - self.worst.reference.value

    @property
    def shown(self) -> bool:
        return self.corrected <= ALPHA


def read_by_models(cohort: Cohort, names: list[str]) -> tuple[list[str], list[str]]:
    """The names without facts of modalities that no model was shown, and which those are.

    All of them stay where a model was shown what no fact is of, such as channels that were stacked: it may hold any.
    """
    of = {name: modality_of(name, names) for name in names}
    shown = frozenset[str]().union(*(modalities(cohort.arms[arm]) for arm in cohort.models))
    if not shown <= set(of.values()):
        return names, []
    unread = sorted({modality for modality in of.values() if modality is not None and modality not in shown})
    notes = [f"Facts of {listed(unread)} make no subgroups: no model here reads {listed(unread)}."] if unread else []
    return [name for name in names if of[name] not in unread], notes


def comparable_traits(cohort: Cohort, names: list[str]) -> tuple[list[Trait], list[str]]:
    """The traits that can be compared; and what was joined, left out or not compared, and why."""
    traits, notes = [], []
    for name in names:
        grouping = group_by(name, pd.Series(cohort.traits[name]), cohort.patients)
        remarks = list(grouping.notes)
        scored = {group: _scored_findings(cohort, rows) for group, rows in grouping.groups.items()}
        able = {group: of_group for group, of_group in scored.items() if of_group}
        without = [group for group in grouping.groups if group not in able]
        if without:
            remarks.append(
                f"{listed(without)} left out (no finding with {FEWEST_IN_MEAN} patients with and without it)"
            )
        findings = [f for f in leading(cohort) if all(f in of_group for of_group in able.values())]
        if len(able) < 2:
            remarks.append(f"not compared, for want of two groups of {FEWEST_IN_GROUP} patients with both classes")
        elif not findings:
            remarks.append("not compared: no finding has both classes in every group")
        else:
            traits.append(Trait(name, {group: grouping.groups[group] for group in able}, tuple(findings)))
        if remarks:
            notes.append(f"{name}: {'; '.join(remarks)}.")
    return traits, notes


def _scored_findings(cohort: Cohort, rows: Bool[np.ndarray, "n"]) -> list[int]:
    labels, patients = cohort.labels[rows], cohort.patients[rows]
    folds = [training.folds_at(rows) for arm in cohort.models[:2] for training in cohort.scored[arm]]
    return [
        f
        for f in leading(cohort)
        if not why_too_few(labels[:, f], patients, fewest=FEWEST_IN_MEAN)
        and all(comparable(labels[:, f], of_training) for of_training in folds)
    ]


def affordable_for(cohort: Cohort, traits: int, resampler: Resampler) -> Resampler:
    """As many of the resamples as the groups of so many traits can have in a few seconds."""
    sets = sum(len(cohort.scored[arm]) for arm in cohort.models[:2])
    return resampler.affordable(values=len(cohort.patients) * len(cohort.findings) * traits * sets)


def score_subgroups(cohort: Cohort, traits: list[Trait], resampler: Resampler) -> list[list[Subgroup]]:
    """By trait and group, over the same resamples of all patients."""
    scored = [training for arm in cohort.models[:2] for training in cohort.scored[arm]]
    scores, folds = np.stack([training.scores for training in scored]), [training.folds for training in scored]
    count = len(cohort.scored[cohort.models[0]])
    groups = [rows for trait in traits for rows in trait.groups.values()]
    sampled = iter(resampler.over(AUROC, cohort.labels, scores, subsets=groups, folds=folds))
    by_trait = []
    for trait in traits:
        of_trait = []
        for name, rows in trait.groups.items():
            refused = why_no_mean(cohort, trait.findings, rows)
            both = next(sampled)
            value = both.trainings(slice(count)).macro(trait.findings, refused=refused)
            second = both.trainings(slice(count, None))
            difference = value.minus(second.macro(trait.findings)) if len(cohort.models) > 1 else None
            positive = rows & (cohort.labels[:, list(trait.findings)] == 1).any(axis=1)
            patients, ill = (len(np.unique(cohort.patients[chosen])) for chosen in (rows, positive))
            of_trait.append(Subgroup(trait.name, name, patients, int(rows.sum()), ill, value, difference))
        by_trait.append(of_trait)
    return by_trait


def find_gaps(cohort: Cohort, traits: list[Trait], by_trait: list[list[Subgroup]], *, seed: int) -> list[Gap]:
    cost = sum(len(trait.groups) for trait in traits) * len(cohort.scored[cohort.models[0]])
    cells = len(cohort.patients) * len(cohort.findings) * cost
    most = int(np.clip(CELLS // cells, FEWEST_PERMUTATIONS, MOST_PERMUTATIONS))
    p_values = [_gap_p(cohort, trait, most=most, seed=seed) for trait in traits]
    return [
        Gap(
            trait,
            max(subgroups, key=lambda subgroup: subgroup.reference.value),
            min(subgroups, key=lambda subgroup: subgroup.reference.value),
            p,
            corrected,
        )
        for trait, subgroups, p, corrected in zip(traits, by_trait, p_values, holm(p_values), strict=True)
    ]


def _gap_p(cohort: Cohort, trait: Trait, *, most: int, seed: int) -> float:
    """The chance of a gap as large where groups are dealt among patients; the rows of one in a group stay together.

    Who is in two groups counts as two patients, whose likeness makes the test the more careful.
    """
    rows = np.flatnonzero(np.any(list(trait.groups.values()), axis=0))
    member = np.argmax(np.stack([group[rows] for group in trait.groups.values()]), axis=0)
    count = len(trait.groups)
    cells, cell = np.unique(cohort.patients[rows] * count + member, return_inverse=True)
    of_cell = cells % count
    labels, ill = cohort.labels[rows], np.zeros(len(cells), dtype=bool)
    np.logical_or.at(ill, cell, (labels[:, list(trait.findings)] == 1).any(axis=1))
    ladders = []
    for f in trait.findings:
        labelled = np.flatnonzero(~np.isnan(labels[:, f]))
        ladders += [
            Ladders(labels[labelled, f], *training.finding(f, rows[labelled]), cell[labelled], (len(cells), DTYPE))
            for training in cohort.scored[cohort.models[0]]
        ]
    generator = np.random.default_rng(seed)

    def draw(size: int) -> Float[np.ndarray, "r"]:
        dealt = np.tile(of_cell, (size, 1))
        for stratum in (ill, ~ill):
            dealt[:, stratum] = generator.permuted(dealt[:, stratum], axis=1)
        return _gap_of(ladders, dealt, count)

    return chance_of(float(_gap_of(ladders, of_cell[None], count)[0]), draw, most=most)


def _gap_of(ladders: Sequence[Ladders], member: Int[np.ndarray, "r c"], count: int) -> Float[np.ndarray, "r"]:
    """The largest minus the smallest macro AUROC over groups, where `member` says which each cell is in."""
    means = np.zeros((count, len(member)))
    for group in range(count):
        weights = np.ascontiguousarray((member == group).T, dtype=DTYPE)
        for ladder in ladders:
            means[group] += auroc(*ladder.climb(weights).by_fold)
    return np.ptp(means, axis=0) / len(ladders)
