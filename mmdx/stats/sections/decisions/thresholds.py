"""Net benefit at a few stated thresholds: of each model beside acting on all or on none, and beside the reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from mmdx.stats.cohort.cohort import Cohort
from mmdx.stats.comparison.drawn import Drawn
from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.resampling.intervals import why_too_few
from mmdx.stats.sections.decisions.benefit import FindingRows, columns_at, net_benefit
from mmdx.stats.significance.difference import Difference, holm

STATED = (0.05, 0.1, 0.2, 0.3, 0.5)
"""Thresholds that are tested, beside one that the operating point names."""


@dataclass(frozen=True)
class AtThreshold:
    """One model at one threshold: its net benefit, that minus the better of acting on all or none, and the reference
    minus it (None for the reference itself)."""

    finding: int
    arm: int
    threshold: float
    benefit: Drawn
    beside_default: Difference
    reference_minus: Difference | None


def stated_thresholds(cohort: Cohort) -> Float[np.ndarray, "g"]:
    """`STATED`, and the threshold that the operating point names."""
    point = cohort.operating_point
    named = [] if point is None or point.threshold is None else [point.threshold]
    return np.array(sorted({*STATED, *named}))


def at_thresholds(cohort: Cohort, every: Sequence[FindingRows], resampler: Resampler) -> list[AtThreshold]:
    """By finding, model and threshold, over the same resamples.

    Of each finding, p-values are corrected (Holm) over models and thresholds: those beside acting on all or none by
    themselves, and the differences from the reference by themselves.
    """
    thresholds, count = stated_thresholds(cohort), int(cohort.patients.max()) + 1
    columns = [columns_at(rows, thresholds, count) for rows in every]
    once = np.hstack(columns)
    sums = np.vstack([once.sum(axis=0), resampler.sums(once)])
    found, start = [], 0
    for rows, own in zip(every, columns, strict=True):
        part = sums[:, start : start + own.shape[1]]
        start += own.shape[1]
        refused = why_too_few(rows.labels, rows.patients)
        found += _corrected(_of_finding(rows, part, thresholds, refused))
    return found


def _of_finding(
    rows: FindingRows, sums: Float[np.ndarray, "r c"], thresholds: Float[np.ndarray, "g"], refused: str | None
) -> list[AtThreshold]:
    total, positives = sums[:, :1], sums[:, 1:2]
    default = np.maximum(net_benefit(positives, total - positives, total, thresholds), 0)
    size, models = len(thresholds), list(rows.scores)
    benefits = {}
    for place, arm in enumerate(models):
        own = sums[:, 2 + 2 * size * place :]
        benefits[arm] = net_benefit(own[:, :size], own[:, size : 2 * size], total, thresholds)

    def drawn(values: Float[np.ndarray, "r g"], at: int) -> Drawn:
        return Drawn(float(values[0, at]), values[1:, at], refused)

    return [
        AtThreshold(
            rows.finding,
            arm,
            float(thresholds[at]),
            drawn(benefits[arm], at),
            drawn(benefits[arm], at).minus(drawn(default, at)),
            None if arm == models[0] else drawn(benefits[models[0]], at).minus(drawn(benefits[arm], at)),
        )
        for arm in models
        for at in range(size)
    ]


def _corrected(found: list[AtThreshold]) -> list[AtThreshold]:
    useful = _holm([one.beside_default for one in found])
    others = iter(_holm([one.reference_minus for one in found if one.reference_minus is not None]))
    return [
        replace(one, beside_default=own, reference_minus=None if one.reference_minus is None else next(others))
        for one, own in zip(found, useful, strict=True)
    ]


def _holm(differences: Sequence[Difference]) -> list[Difference]:
    """Each with its corrected p-value; those without a test do not count."""
    corrected = holm([np.nan if one.p is None else one.p for one in differences])
    return [replace(one, corrected=None if one.p is None else p) for one, p in zip(differences, corrected, strict=True)]
