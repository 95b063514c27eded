"""Counts of right and wrong answers at a threshold, and the metrics that are made of them, for many resamples at once.

A threshold is chosen on validation rows and used on test rows; a score at or above it is a yes. Values are those of
scikit-learn with `sample_weight`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Integer

from mmdx.stats.metrics.ranking import SLACK, sensitivity_at, specificity_at, steps_of
from mmdx.stats.resampling.weights import share

LEAST = 0.9
"""The specificity, or sensitivity, that an operating point must reach."""


@dataclass(frozen=True)
class Counts:
    """The weights of true and false yeses and noes in each of r resamples."""

    true_yes: Float[np.ndarray, "r"]
    false_yes: Float[np.ndarray, "r"]
    true_no: Float[np.ndarray, "r"]
    false_no: Float[np.ndarray, "r"]


def count(
    labels: Float[np.ndarray, "n"],
    scores: Float[np.ndarray, "n"],
    weights: Integer[np.ndarray, "r n"],
    threshold: float | Float[np.ndarray, "n"],
) -> Counts:
    """The counts at a threshold: one for all rows, or one per row."""
    yes, positive, counts = scores >= threshold, labels == 1, weights.astype(np.float64)
    cells = (yes & positive, yes & ~positive, ~yes & ~positive, ~yes & positive)
    return Counts(*(counts[:, cell].sum(axis=1) for cell in cells))


def sensitivity(c: Counts) -> Float[np.ndarray, "r"]:
    return share(c.true_yes, c.true_yes + c.false_no)


def specificity(c: Counts) -> Float[np.ndarray, "r"]:
    return share(c.true_no, c.true_no + c.false_yes)


def precision(c: Counts) -> Float[np.ndarray, "r"]:
    """NaN where nothing is called positive."""
    return share(c.true_yes, c.true_yes + c.false_yes)


def balanced_accuracy(c: Counts) -> Float[np.ndarray, "r"]:
    return (sensitivity(c) + specificity(c)) / 2


def f1(c: Counts) -> Float[np.ndarray, "r"]:
    """0 where there are positives and none is found; NaN where there are neither positives nor yeses."""
    return share(2 * c.true_yes, 2 * c.true_yes + c.false_yes + c.false_no)


def mcc(c: Counts) -> Float[np.ndarray, "r"]:
    """Matthews correlation; 0, as in scikit-learn, where all answers or all labels are of one kind."""
    yes, no = c.true_yes + c.false_yes, c.true_no + c.false_no
    positives, negatives = c.true_yes + c.false_no, c.true_no + c.false_yes
    top = c.true_yes * c.true_no - c.false_yes * c.false_no
    bottom = np.sqrt(yes * no * positives * negatives)
    return np.where(yes + no > 0, np.divide(top, bottom, out=np.zeros_like(top), where=bottom > 0), np.nan)


def kappa(c: Counts) -> Float[np.ndarray, "r"]:
    """Cohen's kappa; NaN where chance alone would always agree."""
    total = c.true_yes + c.false_yes + c.true_no + c.false_no
    agreed = share(c.true_yes + c.true_no, total)
    both_yes = share((c.true_yes + c.false_yes) * (c.true_yes + c.false_no), total**2)
    both_no = share((c.true_no + c.false_no) * (c.true_no + c.false_yes), total**2)
    chance = both_yes + both_no
    return share(agreed - chance, 1 - chance)


AT_THRESHOLD: dict[str, Callable[[Counts], Float[np.ndarray, "r"]]] = {
    "sensitivity": sensitivity,
    "specificity": specificity,
    "precision": precision,
    "balanced_accuracy": balanced_accuracy,
    "f1": f1,
    "mcc": mcc,
    "kappa": kappa,
}


def choose_threshold(labels: Float[np.ndarray, "n"], scores: Float[np.ndarray, "n"]) -> float:
    """The threshold that is best on validation rows, by Youden's J: sensitivity + specificity - 1.

    Of several that are equally good, the highest. It lies halfway between two neighbouring scores, or on the lowest
    one. 0.5 where only one class is there.
    """
    if len(np.unique(labels)) < 2:
        return 0.5
    scored = np.unique(scores)
    between = np.concatenate([scored[:1], (scored[:-1] + scored[1:]) / 2])
    positives, negatives = np.sort(scores[labels == 1]), np.sort(scores[labels != 1])
    missed, spared = (np.searchsorted(of_class, between).astype(np.float64) for of_class in (positives, negatives))
    counts = Counts(len(positives) - missed, len(negatives) - spared, spared, missed)
    values = balanced_accuracy(counts)
    return float(between[len(values) - 1 - int(np.argmax(values[::-1]))])


def threshold_reaching(
    labels: Float[np.ndarray, "n"], scores: Float[np.ndarray, "n"], *, least: float, of_positives: bool
) -> float:
    """The threshold at which validation rows of both classes have a sensitivity (`of_positives`) of at least `least`,
    and the highest specificity; or, the other way round, a specificity of at least `least`.

    It lies halfway between two neighbouring scores, on the lowest one, or just above the highest.
    """
    scored = np.unique(scores)
    between = np.concatenate([scored[:1], (scored[:-1] + scored[1:]) / 2, [np.nextafter(scored[-1], np.inf)]])
    own = np.sort(scores[labels == 1] if of_positives else scores[labels == 0])
    below = np.searchsorted(own, between)
    right = len(own) - below if of_positives else below
    reaching = np.flatnonzero(right >= least * len(own) - SLACK)
    return float(between[reaching[-1] if of_positives else reaching[0]])


def sensitivity_at_specificity(
    labels: Float[np.ndarray, "n"],
    scores: Float[np.ndarray, "n"],
    weights: Integer[np.ndarray, "r n"],
    *,
    least: float = LEAST,
) -> Float[np.ndarray, "r"]:
    """The highest sensitivity among all thresholds at which the specificity is at least `least`."""
    return sensitivity_at(steps_of(labels, scores, weights), least)


def specificity_at_sensitivity(
    labels: Float[np.ndarray, "n"],
    scores: Float[np.ndarray, "n"],
    weights: Integer[np.ndarray, "r n"],
    *,
    least: float = LEAST,
) -> Float[np.ndarray, "r"]:
    """The highest specificity among all thresholds at which the sensitivity is at least `least`."""
    return specificity_at(steps_of(labels, scores, weights), least)
