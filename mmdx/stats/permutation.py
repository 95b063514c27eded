"""Whether two models differ, from swapping them: patient by patient, the two trade all their scores or keep them.

Where the models are equally good, whose score is whose tells nothing, so that the differences after swapping are drawn
from the same distribution as the one that was seen (Pitman 1937). Patients swap whole, for their rows are alike.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Int
from scipy.stats import rankdata

from mmdx.stats.metrics import Metric

AT_ONCE = 100
MOST_SWAPS = 1000
"""The smallest p that they can give, 1/1001, passes Holm's correction over 50 tests."""
ENOUGH = 100
"""Swaps that go as far as what was seen, after which drawing stops: p is known to about a tenth of itself by then."""


def permutation_p(
    metric: Metric,
    labels: Float[np.ndarray, "n"],
    first: Float[np.ndarray, "n"],
    second: Float[np.ndarray, "n"],
    patients: Int[np.ndarray, "n"],
    *,
    swaps: int = MOST_SWAPS,
    seed: int = 0,
) -> float:
    """The two-sided p-value of the difference in `metric`; NaN where that is undefined.

    A metric that looks at ranks is taken of each model's own ranks, so that models of different scale can trade (as in
    Venkatraman and Begg, Biometrika 1996).
    """
    if metric.ranks:
        first, second = (rankdata(scores) / len(scores) for scores in (first, second))
    both, truth = np.concatenate([first, second]), np.concatenate([labels, labels])
    seen = _differences(metric, truth, both, np.zeros((1, len(labels)), dtype=np.int32))[0]
    if np.isnan(seen):
        return float("nan")
    generator = np.random.default_rng(seed)
    of_patient = np.unique(patients, return_inverse=True)[1]
    count = int(of_patient.max()) + 1

    def draw(size: int) -> Float[np.ndarray, "r"]:
        swapped = generator.integers(0, 2, (size, count), dtype=np.int32)[:, of_patient]
        return np.abs(_differences(metric, truth, both, swapped))

    return chance_of(abs(seen), draw, most=swaps)


def chance_of(seen: float, draw: Callable[[int], Float[np.ndarray, "r"]], *, most: int) -> float:
    """The p-value of `seen`: how often what is drawn under the null is at least as large.

    Drawing stops at the hundredth that is, p being 100 over the draws until then, or after `most` draws, with one added
    to the count and to the draws so that p is never 0; both are valid (Besag and Clifford, Biometrika 1991). Draws that
    are NaN do not count; without any other, p is NaN.
    """
    as_far = made = 0
    for start in range(0, most, AT_ONCE):
        drawn = draw(min(AT_ONCE, most - start))
        reached = drawn[~np.isnan(drawn)] >= seen - 1e-12
        if as_far + reached.sum() >= ENOUGH:
            return ENOUGH / (made + int(np.flatnonzero(np.cumsum(reached) + as_far >= ENOUGH)[0]) + 1)
        as_far, made = as_far + int(reached.sum()), made + len(reached)
    return (as_far + 1) / (made + 1) if made else float("nan")


def _differences(
    metric: Metric, truth: Float[np.ndarray, "m"], both: Float[np.ndarray, "m"], swapped: Int[np.ndarray, "r n"]
) -> Float[np.ndarray, "r"]:
    """First minus second, the scores of the rows in `swapped` traded: weights pick whose row is whose."""
    own, other = np.hstack([1 - swapped, swapped]), np.hstack([swapped, 1 - swapped])
    return metric.function(truth, both, own) - metric.function(truth, both, other)
