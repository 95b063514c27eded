"""Every paired test of two models on one finding, so that a reader sees whether the answer hangs on the test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from mmdx.stats.cohort.cohort import Cohort
from mmdx.stats.cohort.counts import count_findings, why_no_mean
from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.comparison.sampled import sample
from mmdx.stats.metrics.folds import same_folds
from mmdx.stats.metrics.registry import METRICS
from mmdx.stats.significance.corrections import holm_over
from mmdx.stats.significance.delong import delong_test
from mmdx.stats.significance.difference import ALPHA, Difference
from mmdx.stats.significance.mcnemar import mcnemar_test
from mmdx.stats.significance.permutation import permutation_p

AUROC = METRICS["auroc"]
TESTS = {
    "bootstrap": "bootstrap over patients",
    "delong": "DeLong clustered by patient",
    "permutation": "permutation by patient",
    "mcnemar": "McNemar",
}
"""By key, in the order of the tables."""
FEWEST_SWAPS = 2000
PER_TEST = 50
"""Resamples or swaps per test, so that the smallest p (2 or 1 over their number) can pass Holm over all tests."""
NAIVE = "naive_delong"
"""DeLong that treats every row as another patient: computed only where that is wrong, to show how wrong."""


@dataclass(frozen=True)
class PairTests:
    """The first training of the reference minus that of arm `arm`, on one finding.

    `p` holds the p-values by test, those that were made; `corrected` the same after Holm over findings and arms, the
    primary finding apart, each test by itself. `form` says which form of McNemar's test was taken.
    """

    arm: int
    finding: str
    difference: Difference
    p: dict[str, float]
    form: str | None = None
    corrected: dict[str, float] = field(default_factory=dict)

    def shown(self, test: str) -> bool | None:
        """Whether a test shows a difference, after correction; None where it was not made."""
        return self.corrected[test] <= ALPHA if test in self.corrected else None


def pair_tests(cohort: Cohort, resampler: Resampler) -> list[PairTests]:
    """The reference against every other arm, arm by arm and finding by finding, where both classes are known."""
    reference, others = cohort.models[0], [arm for arm in range(len(cohort.arms)) if arm != cohort.models[0]]
    first = replace(cohort, scored=tuple(trainings[:1] for trainings in cohort.scored))
    arms = [reference, *others]
    sampled = dict(zip(arms, sample(first, AUROC, arms, resampler), strict=True))
    swaps = max(FEWEST_SWAPS, PER_TEST * len(others) * len(cohort.findings))
    pairs = []
    for arm in others:
        for f, finding in enumerate(cohort.findings):
            if {0.0, 1.0} <= set(cohort.labels[:, f].tolist()):
                refused = why_no_mean(cohort, [f])
                difference = sampled[reference].macro([f], refused=refused).minus(sampled[arm].macro([f]))
                p, form = _p_values(first, reference, arm, f, difference, swaps=swaps, seed=resampler.seed)
                pairs.append(PairTests(arm, finding, difference, p, form))
    complements = {count.finding: count.complement for count in count_findings(cohort) if count.complement}
    return _corrected(pairs, complements, cohort.primary_finding)


def _p_values(
    cohort: Cohort, reference: int, arm: int, column: int, difference: Difference, *, swaps: int, seed: int
) -> tuple[dict[str, float], str | None]:
    """By test; none where an interval is refused, for then every test stands on too few patients.

    Models of other folds were trained on other patients, and swap no scores: no permutation is made.
    """
    if difference.p is None:
        return {}, None
    labelled = ~np.isnan(cohort.labels[:, column])
    labels, patients = cohort.labels[labelled, column], np.unique(cohort.patients[labelled], return_inverse=True)[1]
    both = [cohort.scored[model][0] for model in (reference, arm)]
    pair, folds = zip(*(scored.finding(column, labelled) for scored in both), strict=True)
    chosen = [scored.thresholds[labelled, column] for scored in both]
    p = {"bootstrap": difference.p, "delong": delong_test(labels, pair[0], pair[1], patients, folds).p}
    if same_folds(*folds):
        p["permutation"] = permutation_p(AUROC, labels, (pair[0], pair[1]), patients, folds[0], swaps=swaps, seed=seed)
    form = None
    if not np.isnan(chosen).any():
        right = [(scores >= thresholds) == (labels == 1) for scores, thresholds in zip(pair, chosen, strict=True)]
        mcnemar = mcnemar_test(right[0], right[1], patients)
        p["mcnemar"], form = mcnemar.p, mcnemar.form
    if len(np.unique(patients)) < len(patients):
        p[NAIVE] = delong_test(labels, pair[0], pair[1], np.arange(len(labels)), folds).p
    return {test: value for test, value in p.items() if not np.isnan(value)}, form


def _corrected(pairs: Sequence[PairTests], complements: Mapping[str, str], primary: str | None) -> list[PairTests]:
    """Holm over the pairs of the primary finding, and over the others; a class and its complement count once."""
    corrected: list[dict[str, float]] = [{} for _ in pairs]
    asked = [complements.get(pair.finding, pair.finding) for pair in pairs]
    for test in (*TESTS, NAIVE):
        for first in (True, False):
            family = {
                place: pair.p[test]
                for place, pair in enumerate(pairs)
                if test in pair.p and (asked[place] == primary) == first
            }
            for place, p in holm_over(family, lambda place: (pairs[place].arm, asked[place])).items():
                corrected[place][test] = p
    return [replace(pair, corrected=p) for pair, p in zip(pairs, corrected, strict=True)]
