"""Agreement beyond chance: Cohen's kappa under many row weights at once."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Integer

from mmdx.stats.resampling.weights import share


def kappa(
    first: Float[np.ndarray, "n"], second: Float[np.ndarray, "n"], weights: Integer[np.ndarray, "r n"]
) -> Float[np.ndarray, "r"]:
    """Cohen's kappa (1960) of two readers who say 1, 0 or (NaN) nothing, in each resample; rows of which one says
    nothing do not count. NaN where both say the same of all rows."""
    both = ~np.isnan(first) & ~np.isnan(second)
    counts = weights[:, both].astype(float)
    a, b, total = first[both], second[both], counts.sum(axis=1)
    agreed = share(counts @ (a == b), total)
    yes = share(counts @ a, total), share(counts @ b, total)
    chance = yes[0] * yes[1] + (1 - yes[0]) * (1 - yes[1])
    return share(agreed - chance, 1 - chance)
