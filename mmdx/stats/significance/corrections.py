"""All differences of a comparison: DeLong's test beside the bootstrap's, and p-values corrected for their number."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from mmdx.stats.cohort.cohort import Arm, Cohort
from mmdx.stats.metrics.registry import ALIKE
from mmdx.stats.significance.delong import delong_test
from mmdx.stats.significance.difference import Difference, holm

Key = tuple[str, str, str | None]
"""Arm name, metric name, and finding; the finding is None for the macro mean."""
K = TypeVar("K", bound=Hashable)


def with_delong(differences: Mapping[Key, Difference], cohort: Cohort) -> dict[Key, Difference]:
    """The differences, with the p-value of DeLong's test clustered by patient in those of AUROC that have an interval.

    Macro means and arms of several trainings get none: the test takes two sets of scores for one finding.
    """
    tested, first = dict(differences), [trainings[0] for trainings in cohort.scored]
    for f, finding in enumerate(cohort.findings):
        labelled = ~np.isnan(cohort.labels[:, f])
        patients = np.unique(cohort.patients[labelled], return_inverse=True)[1]
        for a, arm in enumerate(cohort.arms[1:], start=1):
            key = (arm.name, "auroc", finding)
            if differences[key].p is not None and arm.seeds == cohort.arms[0].seeds == 1:
                pair = [of_arm.finding(f, labelled) for of_arm in (first[0], first[a])]
                test = delong_test(
                    cohort.labels[labelled, f], pair[0][0], pair[1][0], patients, (pair[0][1], pair[1][1])
                )
                tested[key] = replace(differences[key], delong=None if test.refused else test.p)
    return tested


def with_corrections(
    differences: Mapping[Key, Difference],
    arms: Sequence[Arm],
    *,
    primary: str | None = None,
    complements: Mapping[str, str] | None = None,
) -> dict[Key, Difference]:
    """The differences with p-values corrected by Holm within families.

    A family is one metric of either the models or the baselines, over the macro means, over the `primary` finding
    where one is named, or over the other findings. A family of one p-value is not corrected. `complements` gives, by
    the finding that does not count, the one that does: a class and its complement are one hypothesis for metrics that
    treat both alike.
    """
    corrected, kinds = dict(differences), {arm.name: arm.kind for arm in arms}
    families: dict[tuple[str, str, str], dict[Key, float]] = {}

    def hypothesis(key: Key) -> Key:
        arm, metric, finding = key
        if finding is None or metric not in ALIKE:
            return key
        return arm, metric, (complements or {}).get(finding, finding)

    for key, difference in differences.items():
        if difference.p is not None:
            finding = hypothesis(key)[2]
            scope = "mean" if finding is None else "primary" if finding == primary else "findings"
            families.setdefault((key[1], scope, kinds[key[0]]), {})[key] = difference.p
    for family in families.values():
        if len(family) > 1:
            for key, p in holm_over(family, hypothesis).items():
                corrected[key] = replace(differences[key], corrected=p)
    return corrected


def families(primary: str | None, *, complements: bool) -> str:
    """The families of `with_corrections` in words; `complements` says whether there are any."""
    if primary is None:
        text = "Holm, over the arms for macro means, over arms and findings for findings; baselines apart"
    else:
        text = (
            f"Holm, over the arms for macro means and for the primary finding ({primary}), over arms and findings for "
            "the other findings, which are secondary; baselines apart"
        )
    return f"{text}; a class and its complement are one hypothesis" if complements else text


def holm_over(p_values: Mapping[K, float], hypothesis: Callable[[K], Hashable]) -> dict[K, float]:
    """Corrected p-values by key; those of one hypothesis count once, by the largest, and share what comes of it."""
    largest: dict[Hashable, float] = {}
    for key, p in p_values.items():
        largest[hypothesis(key)] = max(p, largest.get(hypothesis(key), 0.0))
    corrected = dict(zip(largest, holm(list(largest.values())), strict=True))
    return {key: corrected[hypothesis(key)] for key in p_values}
