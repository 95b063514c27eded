"""The permutation test of two models: patient by patient, the models swap their scores or keep them.

If the models are equally good, it does not matter which score is whose: a difference after random swaps has the same
distribution as the observed one (Pitman 1937). All rows of a patient are swapped together, since they are alike.

In shapes, n is the number of rows, m of positive and l of negative ones, p of patients, and r of random swaps.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Int

from mmdx.stats.metrics.folds import Folds, fold_rows, ranks_within
from mmdx.stats.metrics.registry import Metric

AT_ONCE = 200
"""Swaps that are held in memory at a time."""
ENOUGH = 100
"""Draws as large as the observed value after which `chance_of` stops: the standard error of p is a tenth of it then."""


def permutation_p(
    metric: Metric,
    labels: Float[np.ndarray, "n"],
    pair: tuple[Float[np.ndarray, "n"], Float[np.ndarray, "n"]],
    patients: Int[np.ndarray, "n"],
    folds: Folds = None,
    *,
    swaps: int = 2000,
    seed: int = 0,
) -> float:
    """The two-sided p-value of the difference in `metric` between a pair of scores; NaN where that is undefined.

    It is the share of `swaps` random swaps that give at least as large a difference, with one added to both counts so
    that it is never 0. For a metric of ranks each model's scores become ranks first, so that models whose scores have
    different scales can be swapped (as in Venkatraman and Begg, Biometrika 1996). `patients` gives the patient of each
    row, `folds` the fold in which both models were trained without it: ranks and pairs are then those within folds.
    """
    first, second = (ranks_within(scores, folds) if metric.ranks else scores for scores in pair)
    of_patient = np.unique(patients, return_inverse=True)[1]
    both, truth = np.concatenate([first, second]), np.concatenate([labels, labels])
    shares = _auroc_shares(labels, first, second, of_patient, folds) if metric.name == "auroc" else None

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
    folds: Folds,
) -> Float[np.ndarray, "p"]:
    """What each patient adds to first minus second AUROC: a swap changes the sign of its patient's share, and no other.

    Let t_p be -1 where patient p is swapped and 1 where not. Take a positive row of patient p and a negative row of
    patient q, and write (x, y) for 1 where model x's score of the positive row lies above model y's score of the
    negative row, half for a tie, else 0. After the swaps the pair adds to the difference of the AUROCs

        ((1, 1) - (2, 2)) (t_p + t_q) / 2 + ((1, 2) - (2, 1)) (t_p - t_q) / 2,

    which is linear in t, so that a permutation costs one product and is exact (compare Bandos et al., Statistics in
    Medicine 2005).
    """
    shares, pairs = np.zeros(int(patients.max()) + 1), 0
    for rows in [np.arange(len(labels))] if folds is None else fold_rows(folds):
        positive, negative = rows[labels[rows] == 1], rows[labels[rows] != 1]
        within = [_beaten(a[positive], b[negative]) for a, b in ((first, first), (second, second))]
        crossed = [_beaten(a[positive], b[negative]) for a, b in ((first, second), (second, first))]
        of_positives = within[0][0] - within[1][0] + crossed[0][0] - crossed[1][0]
        of_negatives = within[0][1] - within[1][1] - crossed[0][1] + crossed[1][1]
        shares += np.bincount(patients[positive], of_positives, len(shares))
        shares += np.bincount(patients[negative], of_negatives, len(shares))
        pairs += len(positive) * len(negative)
    return shares / (2 * pairs) if pairs else np.full(len(shares), np.nan)


def _beaten(
    positives: Float[np.ndarray, "m"], negatives: Float[np.ndarray, "l"]
) -> tuple[Float[np.ndarray, "m"], Float[np.ndarray, "l"]]:
    """The number of negative rows below each positive one, and of positive rows above each negative one; ties half."""
    below, above = np.sort(negatives), np.sort(positives)
    of_positive = np.searchsorted(below, positives, "left") + np.searchsorted(below, positives, "right")
    of_negative = np.searchsorted(above, negatives, "left") + np.searchsorted(above, negatives, "right")
    return of_positive / 2, len(positives) - of_negative / 2


def chance_of(observed: float, draw: Callable[[int], Float[np.ndarray, "r"]], *, most: int) -> float:
    """The p-value of `observed`: the share of draws under the null hypothesis that are at least as large.

    `draw(count)` returns so many of them. Drawing stops at the hundredth that is as large, and p is 100 over the draws
    until then; or it stops after `most` draws, with one added to both counts so that p is never 0. Both are valid
    (Besag and Clifford, Biometrika 1991). Draws that are NaN do not count; without any others, p is NaN.
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
    """First minus second where `swapped` is 1 for rows that are swapped.

    `both` holds the scores of the first model, then those of the second; weights of 0 and 1 pick the rows of each side.
    """
    first, second = np.hstack([1 - swapped, swapped]), np.hstack([swapped, 1 - swapped])
    return metric.function(truth, both, first) - metric.function(truth, both, second)
