"""All differences of a comparison: DeLong's test beside the bootstrap's, and p-values corrected for their number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from mmdx.stats.cohort.cohort import Arm, Cohort
from mmdx.stats.significance.delong import delong_test
from mmdx.stats.significance.difference import Difference, holm

Key = tuple[str, str, str | None]
"""Arm name, metric name, and finding; the finding is None for the macro mean."""


def with_delong(differences: Mapping[Key, Difference], cohort: Cohort) -> dict[Key, Difference]:
    """The differences, with the p-value of DeLong's test clustered by patient in those of AUROC that have an interval.

    Macro means and arms of several trainings get none: the test takes two sets of scores for one finding.
    """
    tested, scores = dict(differences), cohort.scores
    for f, finding in enumerate(cohort.findings):
        labelled = ~np.isnan(cohort.labels[:, f])
        patients = np.unique(cohort.patients[labelled], return_inverse=True)[1]
        for a, arm in enumerate(cohort.arms[1:], start=1):
            key = (arm.name, "auroc", finding)
            if differences[key].p is not None and arm.seeds == cohort.arms[0].seeds == 1:
                test = delong_test(cohort.labels[labelled, f], scores[0, labelled, f], scores[a, labelled, f], patients)
                tested[key] = replace(differences[key], delong=None if test.refused else test.p)
    return tested


def with_corrections(differences: Mapping[Key, Difference], arms: Sequence[Arm]) -> dict[Key, Difference]:
    """The differences with p-values corrected by Holm within families.

    A family is one metric of either the models or the baselines, over the macro means or over the findings. A family of
    one p-value is not corrected.
    """
    corrected, kinds = dict(differences), {arm.name: arm.kind for arm in arms}
    families: dict[tuple[str, bool, str], list[Key]] = {}
    for key, difference in differences.items():
        if difference.p is not None:
            families.setdefault((key[1], key[2] is None, kinds[key[0]]), []).append(key)
    for family in families.values():
        if len(family) > 1:
            for key, p in zip(family, holm([float(differences[key].p or 0) for key in family]), strict=True):
                corrected[key] = replace(differences[key], corrected=p)
    return corrected
