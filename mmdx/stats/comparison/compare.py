"""From prediction files to a claim: every arm's measures with intervals, and its paired difference from the first arm.

The first arm is the reference: what the first run was shown at its fullest. All arms share the same resamples of
patients, drawn once. An arm of several trainings stands for their mean, in every resample.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import pandas as pd

from mmdx.errors import UsageError
from mmdx.stats.cohort.cohort import Arm, Cohort, Folding, Unit, read_sources
from mmdx.stats.cohort.counts import FindingCount, count_findings, refusals
from mmdx.stats.cohort.origins import Origin
from mmdx.stats.cohort.sources import Inputs, find_sources, read_verdicts, with_repeats
from mmdx.stats.comparison.measured import MEANS, Measured
from mmdx.stats.comparison.resampler import Count, Resampler
from mmdx.stats.metrics.registry import METRICS, PRIMARY, Metric
from mmdx.stats.resampling.intervals import CONFIDENCE, Estimate, Kind, bca_interval, interval, raised
from mmdx.stats.significance.corrections import Key, families, with_corrections, with_delong
from mmdx.stats.significance.difference import Difference, paired_difference

FEWEST_RESAMPLES = 100
P_VALUES: Mapping[Kind, str] = {
    "percentile": "inversion of the percentile interval",
    "bca": "inversion of the BCa interval",
}
"""What the p-value of a difference is made of, by how its interval is made."""
RANKED = {
    "none": "every pair of rows",
    "same": "AUROC: pairs within a fold; AP, Sens@90 and Spec@90: ranks within folds; all else: scores as they are",
    "different": "as in one cross-validation, each arm within its own folds",
}
"""How pairs of rows are counted, by `Cohort.folding`."""
NO_THRESHOLD = "no threshold: no validation predictions of both classes lie beside the file"


@dataclass(frozen=True)
class Comparison:
    """Arms, the reference first and baselines last, on the same rows. Differences are the reference minus the arm.

    `unit` says what a row is; patients are what is resampled, whatever the unit. `estimates` and `differences` are of
    each finding and of the macro mean, `means` the estimates of the micro and the weighted one, by the name in the
    place of the finding. `intervals` is how they were made, and `strata` within how many groups of patients the
    resamples were drawn: more than one where a class is rare. `audits` is the verdict on the store and split of each
    run, by its name. `primary` is the metric of which claims are made, `primary_finding` the finding of which they are
    made first (None: the macro mean); `folding` and `origins` are those of the cohort. `unfinished` says of each run
    whose training had not come to its end how far it was, by its name.
    """

    arms: tuple[Arm, ...]
    unit: Unit
    rows: int
    studies: int
    patients: int
    findings: tuple[FindingCount, ...]
    estimates: Mapping[Key, Estimate]
    differences: Mapping[Key, Difference]
    means: Mapping[Key, Estimate]
    resamples: int
    seed: int
    intervals: Kind = "percentile"
    strata: int = 1
    split: str = "test"
    audits: Mapping[str, str] = field(default_factory=dict)
    primary: Metric = PRIMARY
    primary_finding: str | None = None
    folding: Folding = "none"
    origins: tuple[Origin, ...] = ()
    unfinished: Mapping[str, str] = field(default_factory=dict)

    @property
    def reference(self) -> Arm:
        return self.arms[0]

    @property
    def models(self) -> tuple[Arm, ...]:
        """The arms that are no baselines."""
        return tuple(arm for arm in self.arms if arm.kind == "model")

    @property
    def baselines(self) -> tuple[Arm, ...]:
        return tuple(arm for arm in self.arms if arm.kind == "baseline")

    @property
    def in_mean(self) -> tuple[str, ...]:
        """The findings of the macro means."""
        return tuple(count.finding for count in self.findings if count.left_out is None)

    @property
    def leads(self) -> tuple[str | None, ...]:
        """What is told first: the primary finding, and after it, or alone, the macro mean (None)."""
        if self.primary_finding is None:
            return (None,)
        return (self.primary_finding, None) if len(self.in_mean) > 1 else (self.primary_finding,)

    @property
    def complements(self) -> dict[str, str]:
        """By class of a group of two that does not count, the other one, which counts for both."""
        return {count.finding: count.complement for count in self.findings if count.complement is not None}

    def frame(self) -> pd.DataFrame:
        """The estimates, one row per arm, metric and finding, or mean over findings.

        Columns are `arm`, `metric`, `finding` (None for a mean), `mean` (`macro`, `micro` or `weighted`; None for a
        finding), `value`, `low`, `high`, `usable` and `refused`, as in `Estimate`.
        """
        rows = [
            {"arm": arm, "metric": metric, "finding": finding, "mean": mean} | asdict(estimate)
            for (arm, metric, finding, mean), estimate in (
                *(((*key, None if key[2] else "macro"), estimate) for key, estimate in self.estimates.items()),
                *(((*key[:2], None, key[2]), estimate) for key, estimate in self.means.items()),
            )
        ]
        return pd.DataFrame(rows)

    def differences_frame(self) -> pd.DataFrame:
        """The reference minus each other arm, one row per arm, metric and finding (None for the macro mean).

        Columns are those of `frame` without `mean`, then the p-values `p`, `p_holm` and `p_delong_clustered`,
        `shown_to_differ` and `reference`.
        """
        return pd.DataFrame(self._differences())

    def _differences(self) -> list[dict[str, Any]]:
        return [
            _record(key, difference.estimate)
            | {"p": difference.p, "p_holm": difference.corrected, "p_delong_clustered": difference.delong}
            | {"shown_to_differ": difference.shown, "reference": self.reference.name}
            for key, difference in self.differences.items()
        ]

    def to_json(self) -> dict[str, Any]:
        """Plain values for a JSON file: one record per estimate, `finding` null for macro means, NaN as null."""
        means = [_record(key, estimate) for key, estimate in self.means.items()]
        return {
            "audits": dict(self.audits),
            "unfinished": dict(self.unfinished),
            "origins": [asdict(origin) for origin in self.origins],
            "reference": self.reference.name,
            "arms": [asdict(arm) for arm in self.arms],
            "split": self.split,
            "unit": self.unit,
            "rows": self.rows,
            "studies": self.studies,
            "patients": self.patients,
            "findings": [asdict(count) for count in self.findings],
            "primary_finding": self.primary_finding,
            "macro_findings": list(self.in_mean),
            "estimates": [_record(key, estimate) for key, estimate in self.estimates.items()],
            "means": [{"mean": record.pop("finding")} | record for record in means],
            "differences": self._differences(),
            "folds": self.folding,
            "method": {
                "pairs": RANKED[self.folding],
                "intervals": f"patient bootstrap, {self.intervals}",
                "strata": self.strata,
                "level": CONFIDENCE,
                "p": P_VALUES[self.intervals],
                "p_holm": families(self.primary_finding, complements=bool(self.complements)),
                "p_delong_clustered": "DeLong clustered by patient (Obuchowski 1997), AUROC of a finding",
                "thresholds": "Youden's J on validation rows, by arm and finding, and by fold of a cross-validation",
            },
            "resamples": self.resamples,
            "seed": self.seed,
        }


def compare(
    inputs: Inputs,
    *,
    split: str = "test",
    unit: Unit | None = None,
    resamples: int = 2000,
    seed: int = 0,
    intervals: Kind = "percentile",
    count: Count | None = None,
) -> Comparison:
    """Compares run folders, prediction files or tables of predictions, or what one of them was shown.

    `read_cohort` says how they are read, and which finding is the primary one. A table is a DataFrame with the columns
    of a prediction file (`study_id, patient_id, shown, finding, label, score`, `slice` where it scores slices, `fold`
    where it is out of fold); tables by name (a mapping) may do without `shown`, each one arm. `count` is told how many
    resamples are done.

    Raises `DataError` for bad files and for arms that do not stand on the same rows and labels, and `UsageError` for
    too few resamples or the same source twice.
    """
    deals, configs = with_repeats(inputs)
    sources = find_sources(deals, split=split, unit=unit)
    cohort = read_sources(sources, unit=unit, configs=configs)
    audits = read_verdicts(sources)
    resampler = Resampler.of(cohort, resamples=resamples, seed=seed).telling("metrics", count)
    return compare_cohort(cohort, resampler, intervals=intervals, split=sources[0].split, audits=audits)


def compare_cohort(
    cohort: Cohort,
    resampler: Resampler,
    *,
    intervals: Kind = "percentile",
    split: str = "test",
    audits: Mapping[str, str] | None = None,
) -> Comparison:
    """The comparison of a cohort over resamples of its patients. Raises `UsageError` for too few of them."""
    if resampler.resamples < FEWEST_RESAMPLES:
        raise UsageError(
            f"{resampler.resamples} resamples; a 95 % interval takes at least {FEWEST_RESAMPLES} (2000 by default)"
        )
    counts = count_findings(cohort)
    included = [f for f, count in enumerate(counts) if count.left_out is None]
    values = _Values(cohort, included, resampler, intervals)
    estimates: dict[Key, Estimate] = {}
    means: dict[Key, Estimate] = {}
    differences: dict[Key, Difference] = {}
    for a, arm in enumerate(cohort.arms):
        for m, metric in enumerate(METRICS.values()):
            for g, finding in enumerate((*cohort.findings, *MEANS)):
                key, other = (arm.name, metric.name, finding), g >= len(cohort.findings) and finding is not None
                (means if other else estimates)[key] = values.estimate(a, m, g)
                if a and not other and metric.direction in ("higher", "lower"):
                    differences[key] = values.difference(a, m, g)
    return Comparison(
        arms=cohort.arms,
        unit=cohort.unit,
        rows=len(cohort.patients),
        studies=cohort.studies,
        patients=int(cohort.patients.max()) + 1,
        findings=tuple(counts),
        estimates=estimates,
        differences=_tested(differences, cohort, counts),
        means=means,
        resamples=resampler.resamples,
        seed=resampler.seed,
        intervals=intervals,
        strata=resampler.stratum_count,
        split=split,
        audits=dict(audits or {}),
        primary=cohort.primary,
        primary_finding=cohort.primary_finding,
        folding=cohort.folding,
        origins=cohort.origins,
    )


def _tested(
    differences: Mapping[Key, Difference], cohort: Cohort, counts: Sequence[FindingCount]
) -> dict[Key, Difference]:
    """The differences with DeLong's test, and with p-values that are corrected for their number."""
    complements = {count.finding: count.complement for count in counts if count.complement is not None}
    return with_corrections(
        with_delong(differences, cohort), cohort.arms, primary=cohort.primary_finding, complements=complements
    )


class _Values:
    """Every measure of a cohort with what its intervals are made of; places are those of `Measured`."""

    def __init__(self, cohort: Cohort, included: Sequence[int], resampler: Resampler, intervals: Kind) -> None:
        measured = Measured(cohort, included)
        self._points = measured.points()
        self._resampled = measured.resampled(resampler)
        self._jackknife = measured.jackknife() if intervals == "bca" else None
        self._refused = refusals(cohort, included)
        self._cohort, every = cohort, list(range(len(cohort.findings)))
        self._columns = [*([f] for f in every), every, list(included), list(included)]
        self._names, self._families = list(METRICS), [metric.family for metric in METRICS.values()]

    def estimate(self, a: int, m: int, g: int) -> Estimate:
        value, resampled, refused = float(self._points[a, m, g]), self._resampled[a, m, g], self._why(a, m, g)
        if self._jackknife is None:
            resampled = raised(value, resampled) if self._names[m] == "ece" else resampled
            return interval(value, resampled, refused=refused)
        return bca_interval(value, resampled, self._jackknife[a, m, g], refused=refused)

    def difference(self, a: int, m: int, g: int) -> Difference:
        """The reference minus the arm."""
        values = (float(self._points[0, m, g]), float(self._points[a, m, g]))
        resampled = (self._resampled[0, m, g], self._resampled[a, m, g])
        jackknife = None if self._jackknife is None else self._jackknife[0, m, g] - self._jackknife[a, m, g]
        refused = self._why(0, m, g) or self._why(a, m, g)
        return paired_difference(*values, *resampled, refused=refused, jackknife=jackknife)

    def _why(self, a: int, m: int, g: int) -> str | None:
        if self._refused[g] is None and self._families[m] == "threshold" and math.isnan(self._points[a, m, g]):
            return self._cohort.folds_without_threshold(a, self._columns[g]) or NO_THRESHOLD
        return self._refused[g]


def _record(key: Key, estimate: Estimate) -> dict[str, Any]:
    arm, metric, finding = key
    return {"arm": arm, "metric": metric, "finding": finding} | estimate.to_json()
