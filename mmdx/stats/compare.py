"""From prediction files to a claim: every arm's metrics with intervals, and its paired difference from the first arm.

The first arm is the reference: what the first run was shown at its fullest. All arms share the same resamples of
patients, drawn once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Float

from mmdx.errors import UsageError
from mmdx.stats.cohort import Arm, Cohort, read_cohort, read_verdicts
from mmdx.stats.delong import delong_test
from mmdx.stats.intervals import FEWEST_IN_MEAN, LEVEL, Estimate, draw_patients, interval, why_too_few
from mmdx.stats.metrics import METRICS
from mmdx.stats.tests import Difference, holm, paired_difference

FEWEST_RESAMPLES = 100
Key = tuple[str, str, str | None]
"""Arm name, metric name, and finding; the finding is None for the macro mean."""


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


@dataclass(frozen=True)
class Comparison:
    """Arms, the reference first, on the same rows. Differences are the reference minus the arm.

    `unit` says what a row is; patients are what is resampled, whatever the unit. `audits` is the verdict on the store
    and split of each run, by its name.
    """

    arms: tuple[Arm, ...]
    unit: Literal["study", "slice"]
    rows: int
    studies: int
    patients: int
    findings: tuple[FindingCount, ...]
    estimates: Mapping[Key, Estimate]
    differences: Mapping[Key, Difference]
    resamples: int
    seed: int
    audits: Mapping[str, str] = field(default_factory=dict)

    @property
    def reference(self) -> Arm:
        return self.arms[0]

    @property
    def in_mean(self) -> tuple[str, ...]:
        """The findings of the macro means."""
        return tuple(count.finding for count in self.findings if count.left_out is None)

    def to_json(self) -> dict[str, Any]:
        """Plain values for a JSON file: one record an estimate, `finding` null for macro means, NaN as null."""
        estimates = [_record(key, estimate) for key, estimate in self.estimates.items()]
        differences = [
            _record(key, difference.estimate)
            | {"p": difference.p, "p_holm": difference.corrected, "p_delong_clustered": difference.delong}
            | {"shown_to_differ": difference.shown, "reference": self.reference.name}
            for key, difference in self.differences.items()
        ]
        return {
            "audits": dict(self.audits),
            "reference": self.reference.name,
            "arms": [asdict(arm) for arm in self.arms],
            "unit": self.unit,
            "rows": self.rows,
            "studies": self.studies,
            "patients": self.patients,
            "findings": [asdict(count) for count in self.findings],
            "macro_findings": list(self.in_mean),
            "estimates": estimates,
            "differences": differences,
            "method": {
                "intervals": "patient bootstrap, percentile",
                "level": LEVEL,
                "p": "inversion of the interval",
                "p_holm": "Holm, over the arms for macro means, over arms and findings for findings",
                "p_delong_clustered": "DeLong clustered by patient (Obuchowski 1997), AUROC of a finding",
            },
            "resamples": self.resamples,
            "seed": self.seed,
        }


def compare(sources: Sequence[Path], *, split: str = "test", resamples: int = 2000, seed: int = 0) -> Comparison:
    """Compares run folders or prediction files, or what one of them was shown.

    A folder stands for its `predictions/<split>.csv`. A finding with labels of one class only has no AUROC and no
    average precision (NaN), and is left out of all macro means. Raises `DataError` where a file is bad or the arms do
    not stand on the same rows and labels, `UsageError` where the call is wrong.
    """
    if resamples < FEWEST_RESAMPLES:
        raise UsageError(f"{resamples} resamples; a 95 % interval takes at least {FEWEST_RESAMPLES} (2000 by default)")
    cohort = read_cohort(sources, split=split)
    counts = tuple(_count(cohort, column) for column in range(len(cohort.findings)))
    included = [column for column, count in enumerate(counts) if count.left_out is None]
    points = with_mean(score_all(cohort), included)
    resampled = with_mean(score_resamples(cohort, resamples=resamples, seed=seed), included)
    refusals = [*_refusals(cohort), _mean_refusal(cohort, included)]
    estimates: dict[Key, Estimate] = {}
    differences: dict[Key, Difference] = {}
    for a, arm in enumerate(cohort.arms):
        for m, metric in enumerate(METRICS):
            for f, finding in enumerate((*cohort.findings, None)):
                key, value, spread = (arm.name, metric, finding), float(points[a, m, f, 0]), resampled[a, m, f]
                estimates[key] = interval(value, spread, refused=refusals[f])
                if a:
                    reference, paired = float(points[0, m, f, 0]), resampled[0, m, f]
                    differences[key] = paired_difference(reference, value, paired, spread, refused=refusals[f])
    differences = with_corrections(with_delong(differences, cohort))
    return Comparison(
        arms=cohort.arms,
        unit=cohort.unit,
        rows=len(cohort.patients),
        studies=cohort.studies,
        patients=int(cohort.patients.max()) + 1,
        findings=counts,
        estimates=estimates,
        differences=differences,
        resamples=resamples,
        seed=seed,
        audits=read_verdicts(sources),
    )


def with_delong(differences: Mapping[Key, Difference], cohort: Cohort) -> dict[Key, Difference]:
    """The differences in AUROC of each finding with DeLong's test clustered by patient, where it has an interval."""
    tested = dict(differences)
    for f, finding in enumerate(cohort.findings):
        known = ~np.isnan(cohort.labels[:, f])
        patients = np.unique(cohort.patients[known], return_inverse=True)[1]
        for a, arm in enumerate(cohort.arms[1:], start=1):
            key = (arm.name, "auroc", finding)
            if differences[key].p is not None:
                pair = cohort.scores[0, known, f], cohort.scores[a, known, f]
                found = delong_test(cohort.labels[known, f], *pair, patients)
                tested[key] = replace(differences[key], delong=None if found.refused else found.p)
    return tested


def with_corrections(differences: Mapping[Key, Difference]) -> dict[Key, Difference]:
    """The p-values corrected by Holm: by metric, those of macro means among themselves, those of findings likewise."""
    corrected = dict(differences)
    for metric in METRICS:
        for mean in (True, False):
            family = [key for key in differences if key[1] == metric and (key[2] is None) == mean]
            made = [key for key in family if differences[key].p is not None]
            if len(made) > 1:
                for key, p in zip(made, holm([float(differences[key].p or 0) for key in made]), strict=True):
                    corrected[key] = replace(differences[key], corrected=p)
    return corrected


def score_all(cohort: Cohort) -> Float[np.ndarray, "a m f 1"]:
    """Every metric of every arm and finding, each row once; NaN where undefined."""
    return _score(cohort, np.ones((1, len(cohort.patients)), dtype=np.int32))


def score_resamples(cohort: Cohort, *, resamples: int, seed: int) -> Float[np.ndarray, "a m f r"]:
    """Every metric of every arm and finding over resamples of the patients, the same ones for all."""
    shape = (len(cohort.arms), len(METRICS), len(cohort.findings), resamples)
    values = np.full(shape, np.nan)
    for place, weights in draw_patients(cohort.patients, resamples=resamples, seed=seed):
        values[..., place] = _score(cohort, weights)
    return values


def with_mean(values: Float[np.ndarray, "a m f r"], included: Sequence[int]) -> Float[np.ndarray, "a m g r"]:
    """`values`, and after the last finding the mean over the included ones; NaN where one of them is, or none is."""
    mean = values[:, :, list(included)].mean(axis=2) if included else np.full_like(values[:, :, 0], np.nan)
    return np.concatenate([values, mean[:, :, None]], axis=2)


def _score(cohort: Cohort, weights: np.ndarray) -> Float[np.ndarray, "a m f r"]:
    values = np.full((len(cohort.arms), len(METRICS), len(cohort.findings), len(weights)), np.nan)
    for f in range(len(cohort.findings)):
        known = np.flatnonzero(~np.isnan(cohort.labels[:, f]))
        labels, drawn = cohort.labels[known, f], weights[:, known]
        for a in range(len(cohort.arms)):
            for m, metric in enumerate(METRICS.values()):
                values[a, m, f] = metric.function(labels, cohort.scores[a, known, f], drawn)
    return values


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


def _refusals(cohort: Cohort) -> list[str | None]:
    return [why_too_few(cohort.labels[:, f], cohort.patients) for f in range(len(cohort.findings))]


def _mean_refusal(cohort: Cohort, included: Sequence[int]) -> str | None:
    """The reason why the macro mean has no interval; a mean of one finding is held to that finding's own rule."""
    if len(included) == 1:
        return why_too_few(cohort.labels[:, included[0]], cohort.patients)
    for f in included:
        reason = why_too_few(cohort.labels[:, f], cohort.patients, fewest=FEWEST_IN_MEAN)
        if reason:
            return f"{cohort.findings[f]}: {reason}"
    return None


def _record(key: Key, estimate: Estimate) -> dict[str, Any]:
    arm, metric, finding = key
    value = None if math.isnan(estimate.value) else estimate.value
    return {"arm": arm, "metric": metric, "finding": finding} | asdict(estimate) | {"value": value}
