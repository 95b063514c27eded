"""How many rows and patients each finding of a cohort has, and whether they are enough for an interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from mmdx.stats.cohort.cohort import Cohort
from mmdx.stats.metrics.complements import counted_once, doubles
from mmdx.stats.resampling.intervals import FEWEST_IN_MEAN, why_too_few


@dataclass(frozen=True)
class FindingCount:
    """How many rows have a known, an unknown and a positive label of one finding, and how many patients.

    `patients` counts those with a known label. `left_out` says why no macro mean includes the finding; None
    where all do. `complement` is the other class of its group of two where that one counts for both, in means and as a
    hypothesis.
    """

    finding: str
    known: int
    unknown: int
    positives: int
    patients: int
    positive_patients: int
    left_out: str | None
    complement: str | None = None


def count_findings(cohort: Cohort) -> list[FindingCount]:
    """The count of every finding, in their order."""
    counting = doubles(cohort.findings, cohort.labels, cohort.primary_finding)
    complements = {column: cohort.findings[other] for column, other in counting.items()}
    included = mean_columns(cohort)
    return [
        _count(cohort, column, complements.get(column), column in included) for column in range(len(cohort.findings))
    ]


def leading(cohort: Cohort) -> list[int]:
    """The columns of what a comparison leads with: the primary finding, else the findings of the macro mean."""
    if cohort.primary_finding is not None:
        return [cohort.findings.index(cohort.primary_finding)]
    return mean_columns(cohort)


def mean_columns(cohort: Cohort) -> list[int]:
    """The columns of the findings of the macro mean: those with both classes, of a class and its complement one.

    A finding that fewer than `FEWEST_IN_MEAN` patients have, or fewer lack, leaves the mean, which could have no
    interval with it; the labels alone decide. Where all are so rare they stay, and the mean has none.
    """
    columns = counted_once(cohort.findings, cohort.labels, cohort.primary_finding)
    columns = [column for column in columns if cohort.compares(column)]
    return [column for column in columns if _rare(cohort, column) is None] or columns


def _rare(cohort: Cohort, column: int) -> str | None:
    """Why a finding is too rare for a macro mean; None where it is not."""
    return why_too_few(cohort.labels[:, column], cohort.patients, fewest=FEWEST_IN_MEAN)


def refusals(cohort: Cohort, included: Sequence[int]) -> list[str | None]:
    """The reasons to give no interval: of each finding, then of the micro, the weighted and the macro mean; None where
    there is an interval."""
    alone = [why_too_few(labels, cohort.patients) for labels in cohort.labels.T]
    pooled = why_too_few(cohort.labels.T.ravel(), np.tile(cohort.patients, len(cohort.findings)))
    mean = why_no_mean(cohort, included)
    return [*alone, pooled, mean, mean]


def why_no_mean(cohort: Cohort, included: Sequence[int], rows: Bool[np.ndarray, "n"] | None = None) -> str | None:
    """The reason why the macro mean over some findings has no interval; None where it has one.

    A mean of one finding is held to that finding's own rule.
    """
    rows = np.ones(len(cohort.patients), dtype=bool) if rows is None else rows
    labels, patients = cohort.labels[rows], cohort.patients[rows]
    if not len(included):
        return "no finding has labels of both classes"
    if len(included) == 1:
        return why_too_few(labels[:, included[0]], patients)
    for f in included:
        reason = why_too_few(labels[:, f], patients, fewest=FEWEST_IN_MEAN)
        if reason:
            return f"{cohort.findings[f]}: {reason}"
    return None


def _count(cohort: Cohort, column: int, complement: str | None, included: bool) -> FindingCount:
    labels = cohort.labels[:, column]
    labelled, positive = ~np.isnan(labels), labels == 1
    total, positives = int(labelled.sum()), int(positive.sum())
    left_out = f"the complement of {complement}, which counts for both" if complement else None
    if not total:
        left_out = "no label is known"
    elif positives in (0, total):
        left_out = "no known label is positive" if not positives else "every known label is positive"
    elif not cohort.compares(column):
        left_out = "no fold has both a positive and a negative label"
    elif not included and complement is None:
        left_out = _rare(cohort, column)
    return FindingCount(
        finding=cohort.findings[column],
        known=total,
        unknown=len(labels) - total,
        positives=positives,
        patients=len(np.unique(cohort.patients[labelled])),
        positive_patients=len(np.unique(cohort.patients[positive])),
        left_out=left_out,
        complement=complement,
    )
