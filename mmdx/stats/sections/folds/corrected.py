"""Two models over the folds of one or more deals: the corrected resampled t-test.

Training sets of folds share most of their patients, so that the differences of two models by fold are no independent
draws and their t-test finds differences that are none. Nadeau and Bengio (Machine Learning 2003) put the variance of
the mean of J differences at (1 / J + n2 / n1) s², n2 patients being tested and n1 learned from; Bouckaert and Frank
(PAKDD 2004) take it for cross-validations that are repeated.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.stats import t as student

from mmdx.files import RunLayout
from mmdx.stats.cohort.choices import Scored
from mmdx.stats.cohort.cohort import Cohort
from mmdx.stats.cohort.predictions import read_text
from mmdx.stats.metrics.folds import fold_rows, same_folds
from mmdx.stats.metrics.registry import PRIMARY
from mmdx.stats.resampling.intervals import CONFIDENCE


@dataclass(frozen=True)
class Corrected:
    """The mean of `folds` differences of `deals` deals, its 95 % interval and two-sided p-value; `ratio` is n2 / n1."""

    value: float
    low: float
    high: float
    p: float
    folds: int
    deals: int
    ratio: float

    def to_json(self) -> dict[str, Any]:
        """Plain values by the names of the fields."""
        return asdict(self)


def corrected_t(differences: Float[np.ndarray, "j"], *, ratio: float, deals: int = 1) -> Corrected | None:
    """The corrected resampled t-test of differences by fold, of a metric from 0 to 1; None for fewer than two, or where
    all are alike."""
    known = differences[~np.isnan(differences)]
    if len(known) < 2 or np.ptp(known) < 1e-12:
        return None
    value, count = float(known.mean()), len(known)
    error = float(np.sqrt((1 / count + ratio) * known.var(ddof=1)))
    reach = float(student.ppf((1 + CONFIDENCE) / 2, count - 1)) * error
    p = float(2 * student.sf(abs(value) / error, count - 1))
    return Corrected(value, max(value - reach, -1.0), min(value + reach, 1.0), p, count, deals, ratio)


def corrected_difference(cohort: Cohort, arm: int, included: list[int], run: Path) -> Corrected | None:
    """The reference minus an arm over all folds of all deals; None where they have no folds in common.

    Trainings by the same folds are averaged first: they are one deal. The folder `run` of the reference says how many
    patients each fold learns from.
    """
    first, second = cohort.scored[cohort.models[0]], cohort.scored[arm]
    if len(first) != len(second):
        return None
    by_deal: list[tuple[Scored, list[Float[np.ndarray, "k"]]]] = []
    for ours, other in zip(first, second, strict=True):
        if ours.folds is None or not same_folds(ours.folds, other.folds):
            return None
        order = Scored(other.scores, other.thresholds, other.temperatures, ours.folds)
        difference = _by_fold(cohort, ours, included) - _by_fold(cohort, order, included)
        same = next((found for deal, found in by_deal if same_folds(deal.folds, ours.folds)), None)
        if same is None:
            by_deal.append((ours, [difference]))
        else:
            same.append(difference)
    differences = np.concatenate([np.mean(found, axis=0) for _, found in by_deal])
    return corrected_t(differences, ratio=_ratio(run, len(differences) // len(by_deal)), deals=len(by_deal))


def _by_fold(cohort: Cohort, scored: Scored, included: list[int]) -> Float[np.ndarray, "k"]:
    """The mean AUROC of each fold over the findings of which it has both classes; NaN where it has both of none."""
    assert scored.folds is not None
    values = []
    for rows in fold_rows(scored.folds):
        of_findings = []
        for column in included:
            known = rows[~np.isnan(cohort.labels[rows, column])]
            if len(np.unique(cohort.labels[known, column])) == 2:
                once = np.ones((1, len(known)), dtype=np.int64)
                of_findings.append(
                    PRIMARY.function(cohort.labels[known, column], scored.scores[known, column], once)[0]
                )
        values.append(float(np.mean(of_findings)) if of_findings else np.nan)
    return np.array(values)


def _ratio(run: Path, count: int) -> float:
    """Patients tested over patients learned from, mean over the folds; 1 / (k - 1) where no `splits.csv` tells it."""
    ratios = []
    for number in range(count):
        layout = RunLayout(run).fold(number)
        if not layout.splits.is_file():
            return 1 / (count - 1)
        table = read_text(layout.splits, ("patient_id", "split"))
        learned = ["train", "val"] if layout.final.is_file() else ["train"]
        tested, taught = (
            table.loc[table["split"].isin(words), "patient_id"].nunique() for words in (["test"], learned)
        )
        ratios.append(tested / max(taught, 1))
    return float(np.mean(ratios))
