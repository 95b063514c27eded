"""The missing-rate curve where who lacks a modality is no chance: it depends on the finding, on a score, or on a trait.

Row i lacks the modality with the chance p_i, each row by itself. A pair of a positive row i and a negative row j then
has both with (1 - p_i)(1 - p_j), and so on: the expected AUROC over all ways of losing it is the AUROC of twice as many
rows, every row once with the modality and the weight 1 - p_i, once without it and the weight p_i. With the same p for
all it is the curve of `curve.py`. log(p_i / (1 - p_i)) = a + b z_i, where z is what absence depends on, b is stated,
and a makes the mean of p the share that is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import root_scalar
from scipy.special import expit, logit

from mmdx.stats.cohort.choices import Scored
from mmdx.stats.cohort.cohort import Cohort
from mmdx.stats.cohort.showings import Withheld
from mmdx.stats.comparison.drawn import Drawn
from mmdx.stats.comparison.resampler import AT_ONCE, Resampler
from mmdx.stats.metrics.folds import fold_rows

STRENGTHS = (4.0, 16.0)
"""How many times the odds of lacking the modality are as high with the finding as without it, or two standard
deviations of a score or trait further up."""
SITES = ("source", "site", "hospital", "center", "centre", "institution", "scanner")
"""Traits that say where a study comes from, by their names in lower case."""
FARTHEST = 60.0
Chances = Float[np.ndarray, "n"]


@dataclass(frozen=True, eq=False)
class Dependence:
    """One way of lacking a modality: `said` in words, and by finding what the log-odds have beside a constant.

    `strength` is 1 where all rows lack it by the same chance.
    """

    said: str
    strength: float
    slopes: Float[np.ndarray, "n f"]


def dependences(cohort: Cohort, pair: Withheld) -> list[Dependence]:
    """Every way, by chance first: by the finding itself, by the score with the modality, by site and by age where the
    cohort has them; each at every strength, in both directions."""
    labels, shown = cohort.labels, cohort.scored[pair.full][0].scores
    by_score = np.stack([_standard(logit(np.clip(column, 1e-6, 1 - 1e-6))) for column in shown.T], axis=1)
    ways: list[tuple[str, str, Float[np.ndarray, "n f"]]] = [
        ("with the finding", "without the finding", np.nan_to_num(labels)),
        ("at high scores", "at low scores", by_score / 2),
    ]
    for name in cohort.traits.columns:
        if str(name).lower() in SITES:
            common = np.stack([_commonness(cohort, str(name), column) for column in labels.T], axis=1)
            ways.append((f"at a {name} with more of the finding", f"at a {name} with less of it", common / 2))
        elif str(name).lower() == "age":
            ages = np.array([_number(value) for value in cohort.traits[name]])
            ways.append(("at a higher age", "at a lower age", np.tile(_standard(ages)[:, None] / 2, labels.shape[1])))
    made = [Dependence("by chance", 1.0, np.zeros(labels.shape))]
    for more, less, z in ways:
        if np.ptp(z, axis=0).any():
            for strength in STRENGTHS:
                made.append(Dependence(f"more often {more}", strength, np.log(strength) * z))
                made.append(Dependence(f"more often {less}", strength, -np.log(strength) * z))
    return made


def chances(slopes: Float[np.ndarray, "n"], rate: float) -> Chances:
    """The chance of each row to lack the modality, with a mean of `rate` above 0 and below 1."""
    found = root_scalar(lambda a: float(expit(a + slopes).mean()) - rate, bracket=(-FARTHEST, FARTHEST))
    return expit(found.root + slopes)


def dependent_curves(
    cohort: Cohort,
    pair: Withheld,
    ways: Sequence[Dependence],
    rates: Sequence[float],
    resampler: Resampler,
    included: Sequence[int],
) -> Mapping[tuple[int, float], Drawn]:
    """The expected AUROC, mean over the `included` findings and all trainings, by way and rate, over resamples."""
    once = np.ones((1, resampler.patient_count), dtype=np.int64)
    sums = {(w, rate): (np.zeros(1), np.zeros(resampler.resamples)) for w in range(len(ways)) for rate in rates}
    trainings = list(zip(cohort.scored[pair.full], cohort.scored[pair.without], strict=False))
    for column in included:
        rows = np.flatnonzero(~np.isnan(cohort.labels[:, column]))
        lacking = {(w, rate): chances(ways[w].slopes[rows, column], rate) for w, rate in sums}
        for shown, without in trainings:
            ladder = _Doubled(cohort, column, rows, shown, without)
            for key, p in lacking.items():
                sums[key][0][:] += ladder.expected(p, once)
            for place, counts in resampler.counts(at_once=AT_ONCE):
                for key, p in lacking.items():
                    sums[key][1][place] += ladder.expected(p, counts)
    total = max(len(included) * len(trainings), 1)
    return {key: Drawn(float(point[0]) / total, resampled / total) for key, (point, resampled) in sums.items()}


class _Doubled:
    """The rows of one finding, each with the modality and without it, sorted by score within the model that scored."""

    def __init__(self, cohort: Cohort, column: int, rows: Int[np.ndarray, "n"], shown: Scored, without: Scored) -> None:
        self._patients, self._parts = cohort.patients[rows], []
        folds = shown.folds_at(rows)
        positive = np.tile(cohort.labels[rows, column] == 1, 2)
        scores = np.concatenate([shown.scores[rows, column], without.scores[rows, column]])
        for part in [np.arange(len(rows))] if folds is None else fold_rows(folds):
            both = np.concatenate([part, part + len(rows)])
            order = both[np.argsort(scores[both], kind="stable")]
            starts = np.flatnonzero(np.r_[True, np.diff(scores[order]) > 0])
            self._parts.append((order, starts, positive[order]))

    def expected(self, p: Chances, counts: Int[np.ndarray, "r p"]) -> Float[np.ndarray, "r"]:
        """The expected AUROC over patients drawn so often; pairs are of rows that one model scored."""
        weights = counts[:, self._patients].astype(np.float64)
        doubled = np.concatenate([weights * (1 - p), weights * p], axis=1)
        right, pairs = np.zeros(len(counts)), np.zeros(len(counts))
        for order, starts, positive in self._parts:
            own = doubled[:, order]
            above, below = (np.add.reduceat(own * chosen, starts, axis=1) for chosen in (positive, ~positive))
            right += (above * (np.cumsum(below, axis=1) - below / 2)).sum(axis=1)
            pairs += above.sum(axis=1) * below.sum(axis=1)
        return np.divide(right, pairs, out=np.full(len(counts), np.nan), where=pairs > 0)


def _standard(values: Float[np.ndarray, "n"]) -> Float[np.ndarray, "n"]:
    """Mean 0 and standard deviation 1; what is unknown, or the same for all, is 0."""
    spread = np.nanstd(values) if not np.isnan(values).all() else 0.0
    return np.nan_to_num((values - np.nanmean(values)) / spread) if spread > 0 else np.zeros(len(values))


def _commonness(cohort: Cohort, trait: str, labels: Float[np.ndarray, "n"]) -> Float[np.ndarray, "n"]:
    """How common a finding is at the site of each row, standardised; 0 where the site is unknown."""
    share = np.full(len(labels), np.nan)
    sites = cohort.traits[trait].astype(str).to_numpy()
    known = ~np.isnan(labels) & cohort.traits[trait].notna().to_numpy()
    for site in np.unique(sites[known]):
        share[sites == site] = labels[known & (sites == site)].mean()
    return _standard(share)


def _number(value: object) -> float:
    try:
        return float(str(value))
    except ValueError:
        return float("nan")
