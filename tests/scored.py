"""Cohorts made by hand for the tests of the sections of a comparison."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from mmdx.stats.cohort.choices import Scored
from mmdx.stats.cohort.cohort import Arm, Cohort


def cohort_of(
    labels: np.ndarray,
    scores: Sequence[np.ndarray],
    *,
    names: Sequence[str] = (),
    kinds: Sequence[str] = (),
    findings: Sequence[str] = (),
    patients: np.ndarray | None = None,
    threshold: float = np.nan,
    temperature: float = np.nan,
) -> Cohort:
    """Studies `s0` …, findings `f0` … and arms `arm0` …, one study per patient; labels and scores are `[n f]`."""
    told = names or [f"arm{a}" for a in range(len(scores))]
    kinds = kinds or ["model"] * len(scores)
    return Cohort(
        arms=tuple(Arm(name, "run", name, "test.csv", kind) for name, kind in zip(told, kinds, strict=True)),
        unit="study",
        studies=len(labels),
        findings=tuple(findings) or tuple(f"f{j}" for j in range(labels.shape[1])),
        names=tuple(f"s{i}" for i in range(len(labels))),
        patients=np.arange(len(labels)) if patients is None else patients,
        labels=labels,
        scored=tuple(
            (Scored(own, np.full_like(labels, threshold), np.full_like(labels, temperature)),) for own in scores
        ),
        traits=pd.DataFrame(index=range(len(labels))),
    )


def scores_for(labels: np.ndarray, noises: Sequence[float]) -> list[np.ndarray]:
    """Scores of arms that tell the labels apart more badly the greater their noise."""
    rng = np.random.default_rng(0)
    return [1 / (1 + np.exp(2 - 4 * labels - noise * rng.normal(size=labels.shape))) for noise in noises]
