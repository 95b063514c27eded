"""Cohorts made by hand, for tests of what is said about them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from mmdx.stats.cohort.choices import Scored
from mmdx.stats.cohort.cohort import Arm, Cohort


def cohort_of(
    labels: np.ndarray,
    arms: Mapping[str, np.ndarray | Sequence[np.ndarray]],
    *,
    runs: Mapping[str, str] | None = None,
    shown: Mapping[str, str] | None = None,
    patients: np.ndarray | None = None,
    traits: Mapping[str, Sequence] | None = None,
    threshold: float = np.nan,
) -> Cohort:
    """One row per study; `arms` gives the scores `[n f]` by name, a list of them for several trainings.

    An arm named `baseline …` is a baseline. `runs` and `shown` say of which run an arm is and what it was shown, its
    name where they do not.
    """
    trainings = {name: [scores] if isinstance(scores, np.ndarray) else list(scores) for name, scores in arms.items()}
    made = [
        Arm(
            name,
            (runs or {}).get(name, name),
            (shown or {}).get(name, name),
            f"{name}.csv",
            "baseline" if name.startswith("baseline") else "model",
            len(each),
        )
        for name, each in trainings.items()
    ]
    patients = np.arange(len(labels)) if patients is None else patients
    chosen = np.full(labels.shape, threshold)
    return Cohort(
        arms=tuple(made),
        unit="study" if len(np.unique(patients)) == len(labels) else "slice",
        studies=len(labels),
        findings=("bleed", "fracture", "edema", "mass")[: labels.shape[1]],
        names=tuple(f"s{i}" for i in range(len(labels))),
        patients=patients,
        labels=labels,
        scored=tuple(tuple(Scored(scores, chosen, chosen) for scores in each) for each in trainings.values()),
        traits=pd.DataFrame(dict(traits or {}), index=range(len(labels))),
    )


def noisy(labels: np.ndarray, breadth: float, *, seed: int = 0) -> np.ndarray:
    """Scores in 0..1 that tell the classes apart the worse the broader the noise."""
    noise = np.random.default_rng(seed).normal(size=labels.shape)
    return 1 / (1 + np.exp(-4 * (np.nan_to_num(labels) - 0.5) - breadth * noise))


def halves(count: int, findings: int = 2) -> np.ndarray:
    """Labels: row i has finding f where the bit f of i is set."""
    return np.array([[float(i >> f & 1) for f in range(findings)] for i in range(count)])


def wild() -> dict[str, Cohort]:
    """Cohorts on which nothing may crash: one class, constant scores, few patients, folds, unknown labels, traits."""
    rng = np.random.default_rng(0)
    labels = halves(40)
    one_class, unknown = labels.copy(), labels.copy()
    one_class[:, 0], unknown[:, 0], unknown[:20, 1] = 0.0, np.nan, np.nan
    cases = {
        "one class": one_class,
        "one class in both": np.ones_like(labels),
        "constant scores": labels,
        "five patients": labels[:5],
        "one row": labels[:1],
        "unknown": unknown,
        "nothing known": np.full_like(labels, np.nan),
    }
    made = {}
    for name, truth in cases.items():
        same = np.full_like(truth, 0.5)
        scores = same if name == "constant scores" else rng.random(truth.shape)
        arms = {
            "image+report": [scores, rng.random(truth.shape)],
            "image": [same, same],
            "alone": [rng.random(truth.shape)] * 2,
            "baseline constant": same,
        }
        nothing = [None] * len(truth)
        made[name] = cohort_of(
            truth,
            arms,
            runs={"image+report": "fused", "image": "fused", "alone": "alone"},
            shown={"alone": "image"},
            traits={"age": nothing, "sex": (["f", "m"] * len(truth))[: len(truth)], "site": ["a"] * len(truth)},
            threshold=0.5,
        )
    made["folds"] = crossed(made["constant scores"], np.arange(40) % 3)
    made["a fold per row"] = crossed(made["constant scores"], np.arange(40))
    return made


def crossed(cohort: Cohort, folds: np.ndarray | None, *, arms: Collection[int] | None = None) -> Cohort:
    """The cohort with these folds in every training of some arms, or of all of them."""
    chosen = range(len(cohort.arms)) if arms is None else arms
    scored = [
        tuple(replace(training, folds=folds) if arm in chosen else training for training in trainings)
        for arm, trainings in enumerate(cohort.scored)
    ]
    return replace(cohort, scored=tuple(scored))
