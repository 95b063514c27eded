"""Shapley shares of inputs: what each brings, averaged over all orders in which inputs can be added (Shapley 1953)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from math import factorial

import numpy as np
from jaxtyping import Float

Subset = frozenset[str]


def shapley(
    values: Mapping[Subset, Float[np.ndarray, "r"]], inputs: Sequence[str]
) -> dict[str, Float[np.ndarray, "r"]]:
    """The share of each input from the value of every set of them, the empty one too: they sum to the value of all
    less that of none."""
    count = len(inputs)
    shares = {}
    for name in inputs:
        others = [other for other in inputs if other != name]
        total = np.zeros_like(next(iter(values.values())), dtype=float)
        for size in range(count):
            weight = factorial(size) * factorial(count - size - 1) / factorial(count)
            for chosen in combinations(others, size):
                total += weight * (values[frozenset({*chosen, name})] - values[frozenset(chosen)])
        shares[name] = total
    return shares
