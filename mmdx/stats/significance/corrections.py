"""Several tests at once: DeLong's beside the bootstrap's, and p-values corrected for their number."""

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
    """The differences in AUROC of each finding with DeLong's test clustered by patient, where they have an interval.

    Arms of several trainings have none: it is a test of two sets of scores.
    """
    tested, scores = dict(differences), cohort.scores
    for f, finding in enumerate(cohort.findings):
        known = ~np.isnan(cohort.labels[:, f])
        patients = np.unique(cohort.patients[known], return_inverse=True)[1]
        for a, arm in enumerate(cohort.arms[1:], start=1):
            key = (arm.name, "auroc", finding)
            if differences[key].p is not None and arm.seeds == cohort.arms[0].seeds == 1:
                found = delong_test(cohort.labels[known, f], scores[0, known, f], scores[a, known, f], patients)
                tested[key] = replace(differences[key], delong=None if found.refused else found.p)
    return tested


def with_corrections(differences: Mapping[Key, Difference], arms: Sequence[Arm]) -> dict[Key, Difference]:
    """The p-values corrected by Holm: by metric, those of macro means among themselves, those of findings likewise;
    models and baselines each by themselves."""
    corrected, kinds = dict(differences), {arm.name: arm.kind for arm in arms}
    families: dict[tuple[str, bool, str], list[Key]] = {}
    for key, difference in differences.items():
        if difference.p is not None:
            families.setdefault((key[1], key[2] is None, kinds[key[0]]), []).append(key)
    for made in families.values():
        if len(made) > 1:
            for key, p in zip(made, holm([float(differences[key].p or 0) for key in made]), strict=True):
                corrected[key] = replace(differences[key], corrected=p)
    return corrected
