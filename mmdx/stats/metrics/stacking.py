"""Weights of several models' logits in one answer, fitted on studies that none of them has learned from.

Stacking by a logistic regression on logits (Wolpert 1992; Breiman 1996 keeps the weights from falling below 0). Few
patients cannot tell models apart that answer alike: so the weights are held near those of the plain mean by a prior,
which many patients outweigh.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Bool, Float
from scipy.optimize import minimize
from scipy.special import expit, logit, logsumexp

FEWEST = 5
"""Patients of either class with which weights are fitted; with fewer, the first model alone is believed."""
DEVIATION = 1.0
"""The deviation of the normal prior on a shift."""
PSEUDO = 2.0
"""Patients of the usual rate that a rate among few is drawn to."""


def fit_weights(
    logits: Float[np.ndarray, "k n f"],
    labels: Float[np.ndarray, "n f"],
    counts: Float[np.ndarray, " n"],
    groups: Sequence[Sequence[int]] = (),
) -> tuple[Float[np.ndarray, "k f"], Float[np.ndarray, " f"]]:
    """The weight of each of k models, at least 0, and the shift, by finding, with the least penalised log loss.

    Labels are 1, 0 or NaN (left out). `counts` say what a row counts: 1 / rows of its patient lets each patient count
    once. Columns of a group exclude each other (softmax): a model has one weight in all of them, and there is no shift.
    A finding with fewer than `FEWEST` patients of either class is answered by the first model alone.
    """
    models, _, findings = logits.shape
    weight, shift = np.zeros((models, findings)), np.zeros(findings)
    weight[0] = 1
    for columns in map(list, groups):
        rows = (labels[:, columns] == 1).sum(axis=1) == 1
        if sum(counts[rows] @ (labels[rows][:, column] == 1) >= FEWEST for column in columns) >= 2:
            group, truth = logits[:, rows][:, :, columns], labels[rows][:, columns] == 1
            weight[:, columns] = _of_group(group, truth, counts[rows])[:, None]
    grouped = {column for columns in groups for column in columns}
    for column in [column for column in range(findings) if column not in grouped]:
        label = labels[:, column]
        if min(counts @ (label == 0), counts @ (label == 1)) >= FEWEST:
            rows = ~np.isnan(label)
            fit = _of_finding(logits[:, rows, column], label[rows], counts[rows])
            weight[:, column], shift[column] = fit[:-1], fit[-1]
    return weight, shift


def fit_shift(
    logits: Float[np.ndarray, "n f"],
    labels: Float[np.ndarray, "n f"],
    counts: Float[np.ndarray, " n"],
    odds: Float[np.ndarray, " f"],
    groups: Sequence[Sequence[int]] = (),
) -> Float[np.ndarray, " f"]:
    """What is to be added to the logits of each finding for these rows; 0 in groups, and for findings of which no label
    is known.

    It is held by a prior near what brings their mean to `odds`, the log odds of the finding among all such studies,
    also those that the models have learned from: how often a finding occurs cannot be overfitted.
    """
    grouped = {column for columns in groups for column in columns}
    shift = np.zeros(logits.shape[1])
    for column in [column for column in range(len(shift)) if column not in grouped]:
        rows = ~np.isnan(labels[:, column])
        if rows.any():
            centre = odds[column] - np.average(logits[rows, column], weights=counts[rows])
            shift[column] = _shift(logits[rows, column], labels[rows, column], counts[rows], float(centre))
    return shift


def log_odds(
    labels: Float[np.ndarray, "n f"], counts: Float[np.ndarray, " n"], rows: Bool[np.ndarray, " n"]
) -> Float[np.ndarray, " f"]:
    """The log odds of each finding among `rows`, drawn to those among all by `PSEUDO` patients; unknown labels are left
    out."""
    known, positive = ~np.isnan(labels), labels == 1
    everyone, whole = counts @ positive, counts @ known
    share = (everyone + PSEUDO / 2) / (whole + PSEUDO)
    rate = (counts[rows] @ positive[rows] + PSEUDO * share) / (counts[rows] @ known[rows] + PSEUDO)
    return logit(rate)


def _of_finding(
    logits: Float[np.ndarray, "k n"], labels: Float[np.ndarray, " n"], counts: Float[np.ndarray, " n"]
) -> Float[np.ndarray, " _"]:
    models = len(logits)

    def loss(at: np.ndarray) -> tuple[float, np.ndarray]:
        odds = at[:-1] @ logits + at[-1]
        wrong = counts * (expit(odds) - labels)
        away = at[:-1] - 1 / models
        value = counts @ (np.logaddexp(0, odds) - labels * odds) + _held(away) + at[-1] ** 2 / (2 * DEVIATION**2)
        return float(value), np.append(logits @ wrong + models * away, wrong.sum() + at[-1] / DEVIATION**2)

    return _least(loss, np.append(np.full(models, 1 / models), 0.0), models)


def _of_group(
    logits: Float[np.ndarray, "k n c"], truth: Bool[np.ndarray, "n c"], counts: Float[np.ndarray, " n"]
) -> Float[np.ndarray, " k"]:
    models = len(logits)

    def loss(at: np.ndarray) -> tuple[float, np.ndarray]:
        odds = np.tensordot(at, logits, 1)
        norm = np.asarray(logsumexp(odds, axis=1, keepdims=True))
        away = at - 1 / models
        value = counts @ (norm[:, 0] - odds[truth]) + _held(away)
        wrong = counts[:, None] * (np.exp(odds - norm) - truth)
        return float(value), np.tensordot(logits, wrong, 2) + models * away

    return _least(loss, np.full(models, 1 / models), models)


def _held(away: Float[np.ndarray, " k"]) -> float:
    """The prior on weights: normal around the mean, the narrower the more models there are."""
    return len(away) * float(away @ away) / 2


def _least(loss: Callable, begin: Float[np.ndarray, " _"], models: int) -> Float[np.ndarray, " _"]:
    bounds = [(0.0, None)] * models + [(None, None)] * (len(begin) - models)
    return minimize(loss, begin, jac=True, method="L-BFGS-B", bounds=bounds).x


def _shift(
    logits: Float[np.ndarray, " n"], labels: Float[np.ndarray, " n"], counts: Float[np.ndarray, " n"], centre: float
) -> float:
    def loss(at: np.ndarray) -> float:
        odds, away = logits + at[0], at[0] - centre
        return float(counts @ (np.logaddexp(0, odds) - labels * odds) + away**2 / (2 * DEVIATION**2))

    return float(minimize(loss, np.full(1, centre), method="L-BFGS-B").x[0])
