"""How much of an answer is one input's, the other's, or of both together.

The log-odds of all pairs make a table: one row for what a study keeps, one column for what another lends. Its mean, the
effects of its rows and of its columns, and what is left over are a two-way analysis of variance. Without the rest the
table is the best sum of one function of each input: the empirical multimodally-additive projection (EMAP; Hessel and
Lee, EMNLP 2020). A model that gains nothing over its projection only adds up what each input says by itself.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Integer

from mmdx.stats.resampling.weights import share


def additive(pairs: Float[np.ndarray, "n n"]) -> Float[np.ndarray, "n"]:
    """What the additive projection says of each study with its own inputs."""
    return pairs.mean(axis=1) + pairs.mean(axis=0) - pairs.mean()


def variance_shares(pairs: Float[np.ndarray, "n n"], weights: Integer[np.ndarray, "r n"]) -> Float[np.ndarray, "r 3"]:
    """The shares of the variance of a table that its rows, its columns, and neither alone explain, in each resample.

    They are NaN where the table does not vary.
    """
    drawn = weights / weights.sum(axis=1, keepdims=True)
    row_means, column_means = drawn @ pairs.T, drawn @ pairs
    mean = np.einsum("rn,rn->r", drawn, row_means)
    of_rows = np.einsum("rn,rn->r", drawn, row_means**2) - mean**2
    of_columns = np.einsum("rn,rn->r", drawn, column_means**2) - mean**2
    whole = np.einsum("rn,rn->r", drawn, drawn @ (pairs**2).T) - mean**2
    rest = np.maximum(whole - of_rows - of_columns, 0.0)
    shares = np.stack([of_rows, of_columns, rest], axis=1)
    return share(shares, np.where(whole > 1e-12, whole, 0.0)[:, None])
