"""Scale and shift of logits, fitted on studies that a model has not seen, so that its probabilities mean what they say.

Platt 1999 fits a logistic regression of the labels on the scores. With few positive patients its slope runs away, so
that both numbers are held near those that change nothing (a scale of 1, a shift of 0) by a prior; what many patients
say outweighs it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from scipy.optimize import minimize
from scipy.special import logsumexp

PRIOR = 1.0
"""The deviation of the normal prior on log scale and shift."""


def fit_scaling(
    logits: Float[np.ndarray, "n f"],
    labels: Float[np.ndarray, "n f"],
    weights: Float[np.ndarray, " n"],
    groups: Sequence[Sequence[int]] = (),
) -> tuple[Float[np.ndarray, " f"], Float[np.ndarray, " f"]]:
    """The scale and the shift of each finding with the least penalised log loss; scales are above 0, so that no ranks
    change.

    Labels are 1, 0 or NaN (left out). `weights` say what a row counts: 1 / rows of its patient lets each patient count
    once. Columns of a group exclude each other (softmax): they get one scale and no shift. A finding without both
    classes keeps 1 and 0.
    """
    count = logits.shape[1]
    scale, shift = np.ones(count), np.zeros(count)
    for columns in groups:
        rows = (labels[:, columns] == 1).sum(axis=1) == 1
        if len(np.unique(labels[rows][:, columns], axis=0)) > 1:
            scale[list(columns)] = _group_scale(logits[rows][:, columns], labels[rows][:, columns], weights[rows])
    grouped = {column for columns in groups for column in columns}
    for column in [column for column in range(count) if column not in grouped]:
        rows = ~np.isnan(labels[:, column])
        if len(np.unique(labels[rows, column])) == 2:
            scale[column], shift[column] = _platt(logits[rows, column], labels[rows, column], weights[rows])
    return scale, shift


def _platt(
    logits: Float[np.ndarray, " n"], labels: Float[np.ndarray, " n"], weights: Float[np.ndarray, " n"]
) -> tuple[float, float]:
    def loss(at: np.ndarray) -> float:
        odds = np.exp(at[0]) * logits + at[1]
        return float(weights @ (np.logaddexp(0, odds) - labels * odds) + at @ at / (2 * PRIOR**2))

    fit = minimize(loss, np.zeros(2), method="L-BFGS-B", bounds=[(-5, 5), (-20, 20)])
    return float(np.exp(fit.x[0])), float(fit.x[1])


def _group_scale(
    logits: Float[np.ndarray, "n c"], labels: Float[np.ndarray, "n c"], weights: Float[np.ndarray, " n"]
) -> float:
    def loss(at: np.ndarray) -> float:
        scaled = np.exp(at[0]) * logits
        surprise = logsumexp(scaled, axis=1) - (scaled * (labels == 1)).sum(axis=1)
        return float(weights @ surprise + at @ at / (2 * PRIOR**2))

    return float(np.exp(minimize(loss, np.zeros(1), method="L-BFGS-B", bounds=[(-5, 5)]).x[0]))
