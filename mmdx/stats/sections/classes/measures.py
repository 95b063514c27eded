"""Measures of a group of classes, of which each row has exactly one.

Measures take rows whose labels are known and integer weights `[r n]`, how often each row was drawn, and return `[r]`,
as those of `metrics/registry.py` do; `k` counts the classes. The values are those of scikit-learn over the drawn rows.
CPM-RadPath is scored by balanced accuracy, kappa and micro-F1, which is the accuracy; Derm7pt by the balanced accuracy
of each group, and by the AUROC of melanoma.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from jaxtyping import Float, Int

from mmdx.stats.metrics.folds import Folds, comparable, measure
from mmdx.stats.metrics.registry import LOG_LOSS_CLIP, METRICS
from mmdx.stats.resampling.weights import share, weighted_mean

AUROC = METRICS["auroc"]
UNKNOWN_CLASS = -1


def true_class(labels: Float[np.ndarray, "n k"]) -> Int[np.ndarray, "n"]:
    """The class of each row, `UNKNOWN_CLASS` where a label of the group is unknown or not exactly one of them is 1."""
    labelled = ~np.isnan(labels).any(axis=1) & ((labels == 1).sum(axis=1) == 1)
    return np.where(labelled, np.nan_to_num(labels).argmax(axis=1), UNKNOWN_CLASS)


def confusion(
    true: Int[np.ndarray, "n"], chosen: Int[np.ndarray, "n"], weights: Int[np.ndarray, "r n"], classes: int
) -> Float[np.ndarray, "r k k"]:
    """How many rows of each true class (the second axis) were given each class (the third)."""
    cells = np.zeros((len(true), classes * classes))
    cells[np.arange(len(true)), true * classes + chosen] = 1
    return (weights.astype(np.float64) @ cells).reshape(len(weights), classes, classes)


def balanced_accuracy(table: Float[np.ndarray, "r k k"]) -> Float[np.ndarray, "r"]:
    """The mean share of the rows of a class that are given it, over the classes that have rows; 1 is perfect."""
    rows = table.sum(axis=2)
    recalls = share(np.diagonal(table, axis1=1, axis2=2), rows)
    return share(np.nansum(recalls, axis=1), (rows > 0).sum(axis=1))


def kappa(table: Float[np.ndarray, "r k k"]) -> Float[np.ndarray, "r"]:
    """Cohen's kappa, unweighted: agreement beyond chance; NaN where chance alone would always agree."""
    total = table.sum(axis=(1, 2))
    agreed = share(np.trace(table, axis1=1, axis2=2), total)
    chance = share((table.sum(axis=1) * table.sum(axis=2)).sum(axis=1), total**2)
    return share(agreed - chance, 1 - chance)


def accuracy(table: Float[np.ndarray, "r k k"]) -> Float[np.ndarray, "r"]:
    """The share of rows that are given their class, which is F1 over all rows and classes together (micro)."""
    return share(np.trace(table, axis1=1, axis2=2), table.sum(axis=(1, 2)))


def macro_f1(table: Float[np.ndarray, "r k k"]) -> Float[np.ndarray, "r"]:
    """The mean F1 over the classes that have rows or are given to one."""
    present = table.sum(axis=1) + table.sum(axis=2)
    scores = share(2 * np.diagonal(table, axis1=1, axis2=2), present)
    return share(np.nansum(scores, axis=1), (present > 0).sum(axis=1))


def class_log_loss(
    true: Int[np.ndarray, "n"], scores: Float[np.ndarray, "n k"], weights: Int[np.ndarray, "r n"]
) -> Float[np.ndarray, "r"]:
    """The mean of -log of the probability given to the true class, in nats.

    Scores of separate sigmoids do not add up to 1, so that each row is divided by its sum (where all are zero, every
    class gets the same share). Shares are then held `LOG_LOSS_CLIP` from 0 and 1.
    """
    total = scores.sum(axis=1, keepdims=True)
    shares = np.divide(scores, total, out=np.full_like(scores, 1 / scores.shape[1]), where=total > 0)
    losses = -np.log(np.clip(shares[np.arange(len(true)), true], LOG_LOSS_CLIP, 1 - LOG_LOSS_CLIP))
    return weighted_mean(losses, weights)


def mean_auroc(
    true: Int[np.ndarray, "n"], scores: Float[np.ndarray, "n k"], weights: Int[np.ndarray, "r n"], folds: Folds = None
) -> Float[np.ndarray, "r"]:
    """The mean over classes of the AUROC of one class against the rest; NaN where a class was not drawn.

    A class without any row that can be compared, within `folds` where there are several, is left out; the value is then
    scikit-learn's on the other classes.
    """
    labels = (true[:, None] == np.arange(scores.shape[1])).astype(np.float64)
    classes = [label for label in range(scores.shape[1]) if comparable(labels[:, label], folds)]
    if not classes:
        return np.full(len(weights), np.nan)
    areas = [measure(AUROC, labels[:, label], scores[:, label], weights, folds) for label in classes]
    return np.mean(areas, axis=0)


OF_TABLE: Mapping[str, tuple[str, Callable[[Float[np.ndarray, "r k k"]], Float[np.ndarray, "r"]]]] = {
    "balanced_accuracy": ("balanced accuracy", balanced_accuracy),
    "kappa": ("kappa", kappa),
    "accuracy": ("accuracy (micro-F1)", accuracy),
    "macro_f1": ("macro-F1", macro_f1),
}
GROUP_MEASURES: Mapping[str, str] = {
    **{name: title for name, (title, _) in OF_TABLE.items()},
    "auroc": "mean AUROC",
    "log_loss": "log loss",
}
"""The measures of a group, by name, with what they are called in a table."""


def group_measures(
    true: Int[np.ndarray, "n"], scores: Float[np.ndarray, "n k"], weights: Int[np.ndarray, "r n"], folds: Folds = None
) -> dict[str, Float[np.ndarray, "r"]]:
    """All of `GROUP_MEASURES`; a row is given the class of its highest score, the first of several."""
    table = confusion(true, scores.argmax(axis=1), weights, scores.shape[1])
    values = {name: measure(table) for name, (_, measure) in OF_TABLE.items()}
    areas = mean_auroc(true, scores, weights, folds)
    return values | {"auroc": areas, "log_loss": class_log_loss(true, scores, weights)}
