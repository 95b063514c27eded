"""Whether two models differ, from swapping them: patient by patient, the two trade all their scores or keep them.

Where the models are equally good, whose score is whose tells nothing, so that the differences after swapping are drawn
from the same distribution as the one that was seen (Pitman 1937). Patients swap whole, for their rows are alike.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int
from scipy.stats import rankdata

from mmdx.stats.metrics import Metric

SWAPS_AT_ONCE = 200


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
    both, truth = np.concatenate([first, second]), np.concatenate([labels, labels])
    seen = _differences(metric, truth, both, np.zeros((1, len(labels)), dtype=np.int32))[0]
    if np.isnan(seen):
        return float("nan")
    generator = np.random.default_rng(seed)
    of_patient = np.unique(patients, return_inverse=True)[1]
    count = int(of_patient.max()) + 1
    as_far = 0
    for start in range(0, swaps, SWAPS_AT_ONCE):
        size = min(SWAPS_AT_ONCE, swaps - start)
        swapped = generator.integers(0, 2, (size, count), dtype=np.int32)[:, of_patient]
        differences = _differences(metric, truth, both, swapped)
        as_far += int((np.abs(differences) >= abs(seen) - 1e-12).sum())
    return (as_far + 1) / (swaps + 1)


def _differences(
    metric: Metric, truth: Float[np.ndarray, "m"], both: Float[np.ndarray, "m"], swapped: Int[np.ndarray, "r n"]
) -> Float[np.ndarray, "r"]:
    """First minus second, the scores of the rows in `swapped` traded: weights pick whose row is whose."""
    own, other = np.hstack([1 - swapped, swapped]), np.hstack([swapped, 1 - swapped])
    return metric.function(truth, both, own) - metric.function(truth, both, other)
