"""One number for a table of predictions, by which a training is judged after each epoch."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mmdx.stats.metrics.registry import PRIMARY, Metric


def evaluate(frame: pd.DataFrame, metric: Metric = PRIMARY) -> float:
    """The macro mean of a metric over findings, each row once; NaN where no finding defines it.

    `frame` has one row per study (or slice) and finding, with the columns `finding`, `label` (1, 0, or NaN where it is
    unknown) and `score`. Unknown labels are left out, and so are findings of which the metric is undefined.
    """
    values = []
    for _, rows in frame.dropna(subset=["label"]).groupby("finding", sort=False):
        labels, scores = rows["label"].to_numpy(float), rows["score"].to_numpy(float)
        values.append(metric.function(labels, scores, np.ones((1, len(rows)), dtype=np.int64))[0])
    return float("nan") if np.isnan(values).all() else float(np.nanmean(values))
