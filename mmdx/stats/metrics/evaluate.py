"""One number for a table of predictions, by which a training is judged after each epoch."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mmdx.stats.metrics.complements import doubles
from mmdx.stats.metrics.registry import PRIMARY, Metric


def judging_findings(frame: pd.DataFrame, *, primary: str | None = None) -> list[str]:
    """The findings whose mean judges an epoch: the `primary` one alone where it is named, else all.

    Of two classes that are each other's complement one counts (`complements.doubles`). `frame` is that of `evaluate`.
    """
    if primary is not None:
        return [primary]
    findings = [str(finding) for finding in frame["finding"].unique()]
    # The rows of every finding stand in the same order.
    row = frame.groupby("finding", sort=False).cumcount()
    labels = frame.assign(row=row).pivot(index="row", columns="finding", values="label")
    left = doubles(findings, labels.reindex(columns=findings).to_numpy(dtype=float))
    return [finding for column, finding in enumerate(findings) if column not in left]


def evaluate(frame: pd.DataFrame, metric: Metric = PRIMARY, *, primary: str | None = None) -> float:
    """A metric of the `primary` finding, or (None) its macro mean, each row once; NaN where no finding defines it.

    `frame` has one row per study (or slice) and finding, with the columns `finding`, `label` (1, 0, or NaN where it is
    unknown) and `score`, studies in the same order for every finding. Unknown labels are left out, and so are findings
    of which the metric is undefined; `judging_findings` says which are in the mean.
    """
    values = []
    judging = frame.loc[frame["finding"].isin(judging_findings(frame, primary=primary))]
    for _, rows in judging.dropna(subset=["label"]).groupby("finding", sort=False):
        labels, scores = rows["label"].to_numpy(float), rows["score"].to_numpy(float)
        values.append(metric.function(labels, scores, np.ones((1, len(rows)), dtype=np.int64))[0])
    return float("nan") if np.isnan(values).all() else float(np.nanmean(values))
