"""What challenges are scored by: multi-class groups, RSNA 2019's weighted log loss, the seven-point checklist.

Measures take rows whose labels are known and integer weights `[r n]`, how often each row was drawn, and return `[r]`,
as those of `metrics/registry.py` do. The values are those of scikit-learn over the drawn rows. CPM-RadPath is scored by
balanced accuracy, kappa and micro-F1, which is the accuracy; Derm7pt by the balanced accuracy of each group, and by the
AUROC of melanoma.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from jaxtyping import Float, Int

from mmdx.stats.metrics.registry import LOG_LOSS_CLIP, auroc, log_loss
from mmdx.stats.resampling.weights import share, weighted_mean

UNKNOWN_CLASS = -1

RSNA_WEIGHTS: Mapping[str, float] = {
    **dict.fromkeys(("epidural", "intraparenchymal", "intraventricular", "subarachnoid", "subdural"), 1.0),
    "any": 2.0,
}
"""What each finding of the RSNA 2019 hemorrhage challenge weighs in its log loss."""
RSNA_CLIP = 1e-15
"""How far probabilities are held from 0 and 1 there: scikit-learn's bound of that year."""

SEVEN_POINTS: Mapping[str, int] = {
    **dict.fromkeys(("PN/ATP", "BWV/PRS", "VS/IR"), 2),
    **dict.fromkeys(("PIG/IR", "STR/IR", "DaG/IR", "RS/PRS"), 1),
}
"""What each criterion adds to the seven-point checklist (Argenziano et al., Arch Dermatol 1998), major ones first."""
SUSPICIOUS = 3
"""The score from which the checklist calls a lesion a melanoma."""


def true_class(labels: Float[np.ndarray, "n k"]) -> Int[np.ndarray, "n"]:
    """The class of each row, `UNKNOWN_CLASS` where a label of the group is unknown or not exactly one of them is 1."""
    known = ~np.isnan(labels).any(axis=1) & ((labels == 1).sum(axis=1) == 1)
    return np.where(known, np.nan_to_num(labels).argmax(axis=1), UNKNOWN_CLASS)


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
    found = share(np.diagonal(table, axis1=1, axis2=2), rows)
    return share(np.nansum(found, axis=1), (rows > 0).sum(axis=1))


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
    met = table.sum(axis=1) + table.sum(axis=2)
    each = share(2 * np.diagonal(table, axis1=1, axis2=2), met)
    return share(np.nansum(each, axis=1), (met > 0).sum(axis=1))


def class_log_loss(
    true: Int[np.ndarray, "n"], scores: Float[np.ndarray, "n k"], weights: Int[np.ndarray, "r n"]
) -> Float[np.ndarray, "r"]:
    """The mean of -log of the probability given to the true class, in nats.

    Scores are divided by their sum in each row, for those of separate sigmoids have another sum than 1 (all zero: every
    class alike), and held `metrics.LOG_LOSS_CLIP` from 0 and 1.
    """
    total = scores.sum(axis=1, keepdims=True)
    shares = np.divide(scores, total, out=np.full_like(scores, 1 / scores.shape[1]), where=total > 0)
    losses = -np.log(np.clip(shares[np.arange(len(true)), true], LOG_LOSS_CLIP, 1 - LOG_LOSS_CLIP))
    return weighted_mean(losses, weights)


def mean_auroc(
    true: Int[np.ndarray, "n"], scores: Float[np.ndarray, "n k"], weights: Int[np.ndarray, "r n"]
) -> Float[np.ndarray, "r"]:
    """The mean over classes of the AUROC of one class against the rest; NaN where a class was not drawn.

    A class without any row is left out, from scikit-learn's on the other classes.
    """
    met = [one for one in range(scores.shape[1]) if 0 < (true == one).sum() < len(true)]
    if not met:
        return np.full(len(weights), np.nan)
    return np.mean([auroc((true == one).astype(np.float64), scores[:, one], weights) for one in met], axis=0)


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
    true: Int[np.ndarray, "n"], scores: Float[np.ndarray, "n k"], weights: Int[np.ndarray, "r n"]
) -> dict[str, Float[np.ndarray, "r"]]:
    """All of `GROUP_MEASURES`; a row is given the class of its highest score, the first of several."""
    table = confusion(true, scores.argmax(axis=1), weights, scores.shape[1])
    values = {name: measure(table) for name, (_, measure) in OF_TABLE.items()}
    return values | {"auroc": mean_auroc(true, scores, weights), "log_loss": class_log_loss(true, scores, weights)}


def rsna_log_loss(
    labels: Float[np.ndarray, "n f"],
    scores: Float[np.ndarray, "n f"],
    weights: Int[np.ndarray, "r n"],
    findings: Sequence[str],
    *,
    clip: float = RSNA_CLIP,
) -> Float[np.ndarray, "r"]:
    """The loss of the RSNA 2019 hemorrhage challenge: log losses of six findings, of which `any` counts twice, by 7.

    In nats. `findings` names the columns, all six of `RSNA_WEIGHTS` in any order. Labels that are unknown (NaN) are
    left out, finding by finding. `clip` is how far probabilities are held from 0 and 1.
    """
    loss = np.zeros(len(weights))
    for column, finding in enumerate(findings):
        known = ~np.isnan(labels[:, column])
        held = np.clip(scores[known, column], clip, 1 - clip)
        loss += RSNA_WEIGHTS[finding] * log_loss(labels[known, column], held, weights[:, known])
    return loss / sum(RSNA_WEIGHTS.values())


def seven_point_score(
    scores: Float[np.ndarray, "n f"], findings: Sequence[str], groups: Mapping[str, Sequence[str]]
) -> Float[np.ndarray, "n"]:
    """The points of each row, 0 to 10: those of the criteria whose highest-scored class is the one that counts.

    Labels in the place of scores give the score as it was labelled.
    """
    points = np.zeros(len(scores))
    for finding, worth in SEVEN_POINTS.items():
        members = list(groups[finding.partition("/")[0]])
        columns = [findings.index(member) for member in members]
        points += worth * (scores[:, columns].argmax(axis=1) == members.index(finding))
    return points
