"""Whether two models differ, from swapping them: patient by patient, the two trade all their scores or keep them.

Where the models are equally good, whose score is whose tells nothing, so that the differences after swapping are drawn
from the same distribution as the one that was seen (Pitman 1937). Patients swap whole, for their rows are alike.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Int
from scipy.stats import rankdata

from mmdx.stats.metrics.registry import Metric

AT_ONCE = 200
ENOUGH = 100
"""Draws as large as what was seen, after which `chance_of` stops: p is known to about a tenth of itself by then."""


def permutation_p(
    metric: Metric,
    labels: Float[np.ndarray, "n"],
    first: Float[np.ndarray, "n"],
    second: Float[np.ndarray, "n"],
    patients: Int[np.ndarray, "n"],
    *,
    swaps: int = 2000,
    seed: int = 0,
) -> float:
    """The two-sided p-value of the difference in `metric`; NaN where that is undefined.

    A metric that looks at ranks is taken of each model's own ranks, so that models of different scale can trade (as in
    Venkatraman and Begg, Biometrika 1996). One is added to the count and to the swaps, so that p is never 0.
    """
    if metric.ranks:
        first, second = (rankdata(scores) / len(scores) for scores in (first, second))
    of_patient = np.unique(patients, return_inverse=True)[1]
    both, truth = np.concatenate([first, second]), np.concatenate([labels, labels])
    shares = _auroc_shares(labels, first, second, of_patient) if metric.name == "auroc" else None

    def differences(swapped: Int[np.ndarray, "r p"]) -> Float[np.ndarray, "r"]:
        if shares is not None:
            return (1 - 2.0 * swapped) @ shares
        return _differences(metric, truth, both, swapped[:, of_patient])

    generator, count = np.random.default_rng(seed), int(of_patient.max()) + 1
    observed = differences(np.zeros((1, count), dtype=np.int32))[0]
    if np.isnan(observed):
        return float("nan")
    as_far = 0
    for start in range(0, swaps, AT_ONCE):
        swapped = generator.integers(0, 2, (min(AT_ONCE, swaps - start), count), dtype=np.int32)
        as_far += int((np.abs(differences(swapped)) >= abs(observed) - 1e-12).sum())
    return (as_far + 1) / (swaps + 1)


def _auroc_shares(
    labels: Float[np.ndarray, "n"],
    first: Float[np.ndarray, "n"],
    second: Float[np.ndarray, "n"],
    patients: Int[np.ndarray, "n"],
) -> Float[np.ndarray, "p"]:
    """What each patient adds to first minus second AUROC: kept as it is, or with its sign changed by a swap.

    Of a pair of rows from patients p and q, the models' pairs of scores trade places by both swaps, so that their
    difference is that of (first, first) and (second, second) times (t_p + t_q) / 2, plus that of (first, second) and
    (second, first) times (t_p - t_q) / 2, with t = -1 for a swap and 1 for none: linear in t, and exact (compare
    Bandos et al., Statistics in Medicine 2005).
    """
    positive = labels == 1
    if positive.all() or not positive.any():
        return np.full(int(patients.max()) + 1, np.nan)
    within = [_beaten(a[positive], b[~positive]) for a, b in ((first, first), (second, second))]
    crossed = [_beaten(a[positive], b[~positive]) for a, b in ((first, second), (second, first))]
    of_positives = within[0][0] - within[1][0] + crossed[0][0] - crossed[1][0]
    of_negatives = within[0][1] - within[1][1] - crossed[0][1] + crossed[1][1]
    shares = np.bincount(patients[positive], of_positives, int(patients.max()) + 1)
    shares += np.bincount(patients[~positive], of_negatives, int(patients.max()) + 1)
    return shares / (2 * positive.sum() * (~positive).sum())


def _beaten(
    positives: Float[np.ndarray, "m"], negatives: Float[np.ndarray, "l"]
) -> tuple[Float[np.ndarray, "m"], Float[np.ndarray, "l"]]:
    """Of each positive the negatives that it scores above, of each negative the positives above it; ties a half."""
    below, above = np.sort(negatives), np.sort(positives)
    of_positive = np.searchsorted(below, positives, "left") + np.searchsorted(below, positives, "right")
    of_negative = np.searchsorted(above, negatives, "left") + np.searchsorted(above, negatives, "right")
    return of_positive / 2, len(positives) - of_negative / 2


def chance_of(observed: float, draw: Callable[[int], Float[np.ndarray, "r"]], *, most: int) -> float:
    """The p-value of `observed`: how often what is drawn under the null is at least as large.

    Drawing stops at the hundredth that is, p being 100 over the draws until then, or after `most` draws, with one added
    to the count and to the draws so that p is never 0; both are valid (Besag and Clifford, Biometrika 1991). Draws that
    are NaN do not count; without any other, p is NaN.
    """
    as_far = count = 0
    for start in range(0, most, AT_ONCE):
        values = draw(min(AT_ONCE, most - start))
        reached = values[~np.isnan(values)] >= observed - 1e-12
        if as_far + reached.sum() >= ENOUGH:
            return ENOUGH / (count + int(np.flatnonzero(np.cumsum(reached) + as_far >= ENOUGH)[0]) + 1)
        as_far, count = as_far + int(reached.sum()), count + len(reached)
    return (as_far + 1) / (count + 1) if count else float("nan")


def _differences(
    metric: Metric, truth: Float[np.ndarray, "m"], both: Float[np.ndarray, "m"], swapped: Int[np.ndarray, "r n"]
) -> Float[np.ndarray, "r"]:
    """First minus second, the scores of the rows in `swapped` traded: weights pick whose row is whose."""
    first, second = np.hstack([1 - swapped, swapped]), np.hstack([swapped, 1 - swapped])
    return metric.function(truth, both, first) - metric.function(truth, both, second)
