"""How well one kind of evidence alone predicts a finding, on patients that the probe has not seen."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.stats import norm, rankdata
from sklearn.model_selection import KFold, StratifiedKFold

FOLDS = 5
FEWEST = 10
"""Patients that each class must have for a probe; with fewer, the interval would span nearly everything."""
LEVEL = 0.95


@dataclass(frozen=True)
class Area:
    """An area under the ROC curve with its 95 % interval over patients."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.2f} [{self.low:.2f}, {self.high:.2f}]"

    def to_json(self) -> dict[str, float]:
        return {"auroc": round(self.value, 4), "low": round(self.low, 4), "high": round(self.high, 4)}


Fitted = Callable[[Int[np.ndarray, "a"], Int[np.ndarray, "b"]], Float[np.ndarray, "b"]]
"""Fits on the rows given first and scores those given second."""


def enough(labels: Float[np.ndarray, "n"], patients: Int[np.ndarray, "n"]) -> bool:
    """Whether each class stands on `FEWEST` patients or more; unknown labels count in neither."""
    return all(len(np.unique(patients[labels == kind])) >= FEWEST for kind in (0, 1))


def cross_validated(
    labels: Float[np.ndarray, "n"], patients: Int[np.ndarray, "n"], fitted: Fitted
) -> Float[np.ndarray, "n"]:
    """Scores of every row by a probe that has seen no row of its patient.

    Patients with a positive row, and those without, are spread over the folds where there are enough of both.
    """
    people, numbers = np.unique(patients, return_inverse=True)
    positive = np.bincount(numbers, weights=labels, minlength=len(people)) > 0
    spread = min(int(positive.sum()), int((~positive).sum())) >= FOLDS
    folds = (StratifiedKFold if spread else KFold)(FOLDS, shuffle=True, random_state=0)
    scores = np.zeros(len(labels))
    for _, chosen in folds.split(positive[:, None], positive):
        tested = np.isin(numbers, chosen)
        scores[tested] = fitted(np.flatnonzero(~tested), np.flatnonzero(tested))
    return scores


def area(labels: Float[np.ndarray, "n"], scores: Float[np.ndarray, "n"], patients: Int[np.ndarray, "n"]) -> Area:
    """The AUROC, ties counting half, with an interval clustered by patient (Obuchowski 1997, Biometrics 53, 567-578).

    Both classes must be there, each with two patients or more.
    """
    positive = labels == 1
    above, below = int(positive.sum()), int((~positive).sum())
    ranks = rankdata(scores)
    placements = np.empty(len(labels))
    placements[positive] = (ranks[positive] - rankdata(scores[positive])) / below
    placements[~positive] = 1 - (ranks[~positive] - rankdata(scores[~positive])) / above
    value = float(placements[positive].mean())
    deviation = placements - value
    first, second = _sums(deviation, patients, positive), _sums(deviation, patients, ~positive)
    clusters = len(first)
    variance = _spread(first, first, _count(patients, positive)) / above**2
    variance += _spread(second, second, _count(patients, ~positive)) / below**2
    variance += 2 * _spread(first, second, clusters) / (above * below)
    half = float(norm.ppf((1 + LEVEL) / 2)) * math.sqrt(max(float(variance), 0.0))
    return Area(value, max(0.0, value - half), min(1.0, value + half))


def _sums(values: Float[np.ndarray, "n"], patients: Int[np.ndarray, "n"], chosen: Bool[np.ndarray, "n"]) -> Any:
    numbered = np.unique(patients, return_inverse=True)[1]
    return np.bincount(numbered[chosen], weights=values[chosen], minlength=int(numbered.max()) + 1)


def _count(patients: Int[np.ndarray, "n"], chosen: Bool[np.ndarray, "n"]) -> int:
    return len(np.unique(patients[chosen]))


def _spread(first: Float[np.ndarray, "c"], second: Float[np.ndarray, "c"], clusters: int) -> float:
    return float((first * second).sum()) * clusters / max(clusters - 1, 1)
