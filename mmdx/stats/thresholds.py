"""What a yes or no is worth: counts at a threshold, and what is made of them, under many row weights at once.

A threshold is chosen on validation rows and used on test rows; a score at or above it is a yes. Values are those of
scikit-learn with `sample_weight`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Int

Rule = Literal["youden", "f1"]


@dataclass(frozen=True)
class Counts:
    """True and false yeses and noes in each of r resamples."""

    true_yes: Float[np.ndarray, "r"]
    false_yes: Float[np.ndarray, "r"]
    true_no: Float[np.ndarray, "r"]
    false_no: Float[np.ndarray, "r"]


def count(
    labels: Float[np.ndarray, "n"], scores: Float[np.ndarray, "n"], weights: Int[np.ndarray, "r n"], threshold: float
) -> Counts:
    """The counts at a threshold."""
    yes, positive, drawn = scores >= threshold, labels == 1, weights.astype(np.float64)
    cells = [drawn[:, yes & positive], drawn[:, yes & ~positive], drawn[:, ~yes & ~positive], drawn[:, ~yes & positive]]
    return Counts(*(cell.sum(axis=1) for cell in cells))


def sensitivity(c: Counts) -> Float[np.ndarray, "r"]:
    return _share(c.true_yes, c.true_yes + c.false_no)


def specificity(c: Counts) -> Float[np.ndarray, "r"]:
    return _share(c.true_no, c.true_no + c.false_yes)


def precision(c: Counts) -> Float[np.ndarray, "r"]:
    """NaN where nothing is called positive."""
    return _share(c.true_yes, c.true_yes + c.false_yes)


def balanced_accuracy(c: Counts) -> Float[np.ndarray, "r"]:
    return (sensitivity(c) + specificity(c)) / 2


def f1(c: Counts) -> Float[np.ndarray, "r"]:
    """0 where there are positives and none is found; NaN where there are neither positives nor yeses."""
    return _share(2 * c.true_yes, 2 * c.true_yes + c.false_yes + c.false_no)


def mcc(c: Counts) -> Float[np.ndarray, "r"]:
    """Matthews correlation; 0, as in scikit-learn, where all answers or all labels are of one kind."""
    yes, no = c.true_yes + c.false_yes, c.true_no + c.false_no
    positives, negatives = c.true_yes + c.false_no, c.true_no + c.false_yes
    top = c.true_yes * c.true_no - c.false_yes * c.false_no
    bottom = np.sqrt(yes * no * positives * negatives)
    return np.divide(top, bottom, out=np.zeros_like(top), where=bottom > 0)


def kappa(c: Counts) -> Float[np.ndarray, "r"]:
    """Cohen's kappa; NaN where chance alone would always agree."""
    total = c.true_yes + c.false_yes + c.true_no + c.false_no
    agreed = _share(c.true_yes + c.true_no, total)
    both_yes = _share((c.true_yes + c.false_yes) * (c.true_yes + c.false_no), total**2)
    both_no = _share((c.true_no + c.false_no) * (c.true_no + c.false_yes), total**2)
    chance = both_yes + both_no
    return _share(agreed - chance, 1 - chance)


AT_THRESHOLD: dict[str, Callable[[Counts], Float[np.ndarray, "r"]]] = {
    "sensitivity": sensitivity,
    "specificity": specificity,
    "precision": precision,
    "balanced_accuracy": balanced_accuracy,
    "f1": f1,
    "mcc": mcc,
    "kappa": kappa,
}


def choose_threshold(labels: Float[np.ndarray, "n"], scores: Float[np.ndarray, "n"], rule: Rule = "youden") -> float:
    """The threshold that is best on validation rows: by Youden's J (sensitivity + specificity - 1), or by F1.

    Among equals the highest. It lies halfway between the two scores that it parts, so that a test score need not meet
    one of them. 0.5 where only one class is there.
    """
    if len(np.unique(labels)) < 2:
        return 0.5
    scored = np.unique(scores)
    between = np.concatenate([scored[:1], (scored[:-1] + scored[1:]) / 2])
    once = np.ones((1, len(labels)), dtype=np.int64)
    measure = balanced_accuracy if rule == "youden" else f1
    values = np.array([measure(count(labels, scores, once, threshold))[0] for threshold in between])
    return float(between[len(values) - 1 - int(np.argmax(values[::-1]))])


def sensitivity_at_specificity(
    labels: Float[np.ndarray, "n"],
    scores: Float[np.ndarray, "n"],
    weights: Int[np.ndarray, "r n"],
    *,
    least: float = 0.9,
) -> Float[np.ndarray, "r"]:
    """The highest sensitivity among all thresholds at which the specificity is at least `least`."""
    return _best_share(labels, scores, weights, least)


def specificity_at_sensitivity(
    labels: Float[np.ndarray, "n"],
    scores: Float[np.ndarray, "n"],
    weights: Int[np.ndarray, "r n"],
    *,
    least: float = 0.9,
) -> Float[np.ndarray, "r"]:
    """The highest specificity among all thresholds at which the sensitivity is at least `least`."""
    return _best_share(1 - labels, -scores, weights, least)


def _best_share(
    labels: Float[np.ndarray, "n"], scores: Float[np.ndarray, "n"], weights: Int[np.ndarray, "r n"], least: float
) -> Float[np.ndarray, "r"]:
    """Walks the thresholds from the highest down; NaN where a resample holds one class."""
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.diff(scores[order]) != 0, True)
    positive = (labels[order] == 1).astype(np.float64)
    drawn = weights[:, order].astype(np.float64)
    found, wrong = np.cumsum(drawn * positive, axis=1), np.cumsum(drawn * (1 - positive), axis=1)
    positives, negatives = found[:, -1], wrong[:, -1]
    share = _share(found[:, last], positives[:, None])
    allowed = wrong[:, last] <= (1 - least) * negatives[:, None] + 1e-9
    best = np.where(allowed, share, 0.0).max(axis=1)
    return np.where((positives > 0) & (negatives > 0), best, np.nan)


def _share(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    shape = np.broadcast_shapes(top.shape, bottom.shape)
    top, bottom = np.broadcast_to(top, shape), np.broadcast_to(bottom, shape)
    return np.divide(top, bottom, out=np.full(shape, np.nan), where=bottom > 0)
