"""What a table of predictions says of an epoch: its primary metric, and its log loss at the best temperature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from mmdx.stats.metrics.calibration import apply_temperature, fit_temperature
from mmdx.stats.metrics.complements import doubles
from mmdx.stats.metrics.registry import PRIMARY, Metric, surprises

FEWEST_STUDIES, FEWEST_OF_A_CLASS = 50, 10
"""Validation studies, and of them those of a finding's rarer class, by whose AUROC an epoch may be chosen."""


@dataclass(frozen=True)
class Judgement:
    """What validation says of an epoch: its primary metric, its log loss, and which of them judges it."""

    auroc: float
    log_loss: float
    by: Literal["auroc", "log_loss"]

    @property
    def score(self) -> float:
        """The higher, the better."""
        return self.auroc if self.by == "auroc" else -self.log_loss


def judge(
    frame: pd.DataFrame, *, by: Literal["auto", "auroc", "log_loss"] = "auto", primary: str | None = None
) -> Judgement:
    """The judgement of an epoch; `auto` takes the log loss where few studies carry the AUROC of a finding.

    `frame` is that of `evaluate`, with a column `study_id`.
    """
    few = by == "auto" and carried_by_few(frame, judging_findings(frame, primary=primary))
    chosen = "log_loss" if few or by == "log_loss" else "auroc"
    return Judgement(evaluate(frame, primary=primary), tempered_log_loss(frame, primary=primary), chosen)


def carried_by_few(frame: pd.DataFrame, findings: list[str]) -> bool:
    """Whether any finding is known of fewer than 50 studies, or fewer than 10 studies have its rarer class."""
    rows = frame.loc[frame["finding"].isin(findings)].dropna(subset=["label"])
    positive = rows.groupby(["finding", "study_id"], sort=False)["label"].max()
    counts = positive.groupby("finding").agg(["count", "sum"])
    rarer = np.minimum(counts["sum"], counts["count"] - counts["sum"])
    return bool((counts["count"] < FEWEST_STUDIES).any() or (rarer < FEWEST_OF_A_CLASS).any())


def tempered_log_loss(frame: pd.DataFrame, *, primary: str | None = None) -> float:
    """The mean log loss of known labels, all scores at the one temperature by which it is least; NaN without labels.

    A proper score that does not punish a model for being too sure by a common factor, which calibration sets right.
    """
    rows = frame.loc[frame["finding"].isin(judging_findings(frame, primary=primary))].dropna(subset=["label"])
    if rows.empty:
        return float("nan")
    labels, scores = rows["label"].to_numpy(float), rows["score"].to_numpy(float)
    return float(surprises(labels, apply_temperature(scores, fit_temperature(labels, scores))).mean())


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
