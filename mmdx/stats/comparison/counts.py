"""What each finding of a cohort stands on, and whether that carries an interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmdx.stats.cohort.cohort import Cohort
from mmdx.stats.comparison.sampled import why_no_mean
from mmdx.stats.resampling.intervals import why_too_few


@dataclass(frozen=True)
class FindingCount:
    """What one finding stands on: rows with a known label, those unknown, the positive ones, and patients likewise.

    `left_out` says why the finding is in no macro mean; None where it is in all of them.
    """

    finding: str
    known: int
    unknown: int
    positives: int
    patients: int
    positive_patients: int
    left_out: str | None


def count_findings(cohort: Cohort) -> list[FindingCount]:
    """The count of every finding, in their order."""
    return [_count(cohort, column) for column in range(len(cohort.findings))]


def refusals(cohort: Cohort, included: Sequence[int]) -> list[str | None]:
    """Why no interval is given: of each finding, of the micro, the weighted and the macro mean; None where one is."""
    alone = [why_too_few(labels, cohort.patients) for labels in cohort.labels.T]
    pooled = why_too_few(cohort.labels.T.ravel(), np.tile(cohort.patients, len(cohort.findings)))
    mean = why_no_mean(cohort, included)
    return [*alone, pooled, mean, mean]


def _count(cohort: Cohort, column: int) -> FindingCount:
    labels = cohort.labels[:, column]
    known, positive = ~np.isnan(labels), labels == 1
    total, positives = int(known.sum()), int(positive.sum())
    left_out = None
    if not total:
        left_out = "no label is known"
    elif positives in (0, total):
        left_out = "no known label is positive" if not positives else "every known label is positive"
    return FindingCount(
        finding=cohort.findings[column],
        known=total,
        unknown=len(labels) - total,
        positives=positives,
        patients=len(np.unique(cohort.patients[known])),
        positive_patients=len(np.unique(cohort.patients[positive])),
        left_out=left_out,
    )
