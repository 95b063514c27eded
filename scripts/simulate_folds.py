"""How to count what a cross-validation scored out of fold, where the truth is known: Markdown tables.

    python scripts/simulate_folds.py [--runs 150] [--resamples 500] [--seed 0]

The cohort: patients have the finding or not, and the rows (slices) of one who has it show it with a chance of a half,
surely where there is one row. A row's descriptors are d * label * v + sqrt(c) * u + sqrt(1 - c) * e, with u of the
patient and e of the row standard normal in 20 dimensions, v of length one and c the likeness of a patient's rows. There
are two such views of each row, with one d: two equally good sets of descriptors. Of each view a logistic regression
(weak ridge) is trained per fold on the other folds, and scores its fold. The models differ in scale and in shift.

The truth of a model with weights w is exact: its scores are normal in both classes, d * (w v) / |w| apart, so that
AUROC, average precision and the operating points follow. Truth of a cross-validation is the mean over its fold models.

Ways to count:
`pooled`      the scores of all models as if they were of one;
`calibrated`  pooled after Platt scaling of each model on inner out-of-fold scores of its own training patients;
`ranks`       pooled after the scores of a fold became ranks from 0 to 1;
`within`      within folds: AUROC of pairs within a fold; average precision and sensitivity as means over folds weighted
              by their positive rows, specificity by their negative rows;
`mean`        the unweighted mean over those folds that have both classes.

Bias, standard deviation (SD) and root mean squared error (RMSE) are of the value minus the truth of the same models.
`holds` counts 95 % percentile intervals of the AUROC, over patients drawn freely or within their folds, that hold that
truth, and intervals of the paired difference of the two views that hold the difference of their models. `p <= 0.05` is
how often a paired bootstrap calls the two views different though these are equally good: it takes the models as they
are, and those of equally good views differ by chance. With `other folds` the second view has folds of its own.
`stopped`: each model is stopped after one to thirty steps of gradient descent, as a network at its best epoch; `folds
at random`: not dealt so that each has alike many patients with the finding.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.special import expit, ndtr, ndtri
from scipy.stats import binomtest

from mmdx.stats.metrics.folds import ranks_within
from mmdx.stats.metrics.registry import METRICS
from mmdx.stats.resampling.intervals import Estimate, draw_counts, interval
from mmdx.stats.resampling.weights import share
from mmdx.stats.significance.difference import ALPHA, paired_difference

DESCRIPTORS, FOLDS, INNER, RIDGE = 20, 5, 4, 0.1
APART, LIKENESS = 1.8, 0.6
SHOWN = ("auroc", "ap", "sensitivity_at_specificity", "specificity_at_sensitivity")
WAYS = ("pooled", "calibrated", "ranks", "within", "mean")


@dataclass(frozen=True)
class Setting:
    """How cohorts are drawn: `positives` patients have the finding; `dealt` folds hold alike many of them."""

    patients: int
    rows: int
    positives: int
    dealt: bool = True
    stopped: bool = False

    def __str__(self) -> str:
        rows = "one row" if self.rows == 1 else f"{self.rows} slices"
        how = ("" if self.dealt else ", folds at random") + (", stopped" if self.stopped else "")
        return f"{self.patients} patients of {rows}, {self.positives} with it{how}"


@dataclass(frozen=True)
class Cohort:
    """Labels of rows, the patient of each, whether patients have the finding, and two views of descriptors."""

    labels: Float[np.ndarray, "n"]
    patients: Int[np.ndarray, "n"]
    has: np.ndarray
    views: Float[np.ndarray, "2 n d"]


@dataclass(frozen=True)
class Scored:
    """Log-odds out of fold, raw and calibrated, the fold of each row, and how far apart each model's classes are."""

    raw: Float[np.ndarray, "n"]
    calibrated: Float[np.ndarray, "n"]
    folds: Int[np.ndarray, "n"]
    apart: Float[np.ndarray, "k"]

    def pooled(self) -> dict[str, Float[np.ndarray, "n"]]:
        """The scores of all rows, by each way that ranks them together."""
        return {"pooled": self.raw, "calibrated": self.calibrated, "ranks": ranks_within(self.raw, self.folds)}


def draw(rng: np.random.Generator, setting: Setting) -> Cohort:
    count, rows = setting.patients, setting.rows
    patients = np.repeat(np.arange(count), rows)
    has = rng.permutation(np.arange(count) < setting.positives)
    labels = (has[patients] & (rng.random(len(patients)) < (0.5 if rows > 1 else 1))).astype(float)
    likeness = LIKENESS if rows > 1 else 0.0
    of_patient, of_row = (rng.normal(size=(2, size, DESCRIPTORS)) for size in (count, len(patients)))
    noise = np.sqrt(likeness) * of_patient[:, patients] + np.sqrt(1 - likeness) * of_row
    return Cohort(labels, patients, has, noise + APART / np.sqrt(DESCRIPTORS) * labels[:, None])


def deal(rng: np.random.Generator, has: np.ndarray, count: int, *, alike: bool = True) -> Int[np.ndarray, "p"]:
    """The fold of each patient, those with the finding dealt first where folds should be `alike`."""
    order, folds = rng.permutation(len(has)), np.empty(len(has), dtype=int)
    order = order[np.argsort(~has[order], kind="stable")] if alike else order
    folds[order] = np.arange(len(has)) % count
    return folds


def train(rng: np.random.Generator, x: np.ndarray, labels: np.ndarray, stopped: bool) -> Float[np.ndarray, "e"]:
    """A logistic regression: to the end, or `stopped` after one to thirty steps of gradient descent."""
    if not stopped:
        return fit(x, labels)
    x, weights = np.column_stack([x, np.ones(len(x))]), np.zeros(x.shape[1] + 1)
    for _ in range(rng.integers(1, 31)):
        weights -= 0.3 * x.T @ (expit(x @ weights) - labels) / len(x)
    return weights


def fit(x: Float[np.ndarray, "n d"], labels: Float[np.ndarray, "n"], ridge: float = RIDGE) -> Float[np.ndarray, "e"]:
    """Weights of a logistic regression, the intercept last and without penalty, by Newton's method."""
    x = np.column_stack([x, np.ones(len(x))])
    weights, penalty = np.zeros(x.shape[1]), np.append(np.full(x.shape[1] - 1, ridge), 1e-6)
    for _ in range(25):
        chance = expit(x @ weights)
        gradient = x.T @ (chance - labels) + penalty * weights
        hessian = (x * (chance * (1 - chance))[:, None]).T @ x + np.diag(penalty)
        step = np.linalg.solve(hessian, gradient)
        weights -= step * min(1.0, 5 / max(np.abs(step).max(), 1e-9))
        if np.abs(step).max() < 1e-4:
            break
    return weights


def cross_validate(
    rng: np.random.Generator, cohort: Cohort, x: np.ndarray, of_patient: Int[np.ndarray, "p"], stopped: bool
) -> Scored:
    """Out-of-fold scores of one view. Platt scaling is a logistic regression on inner out-of-fold log-odds."""
    folds = of_patient[cohort.patients]
    raw, calibrated, apart = np.empty(len(folds)), np.empty(len(folds)), []
    for fold in range(FOLDS):
        inside = folds != fold
        weights = train(rng, x[inside], cohort.labels[inside], stopped)
        raw[~inside] = x[~inside] @ weights[:-1] + weights[-1]
        apart.append(weights[:-1].sum() / np.sqrt(DESCRIPTORS) / np.linalg.norm(weights[:-1]))
        inner, guesses = deal(rng, cohort.has & (of_patient != fold), INNER)[cohort.patients], np.empty(len(folds))
        for part in range(INNER):
            rest, here = inside & (inner != part), inside & (inner == part)
            beside = train(rng, x[rest], cohort.labels[rest], stopped)
            guesses[here] = x[here] @ beside[:-1] + beside[-1]
        slope, intercept = fit(guesses[inside, None], cohort.labels[inside], 1e-3)
        calibrated[~inside] = slope * raw[~inside] + intercept
    return Scored(raw, calibrated, folds, np.array(apart))


def truths(apart: Float[np.ndarray, "k"], common: float) -> dict[str, float]:
    """The mean over models whose classes are so far apart; `common` is the share of positive rows."""
    at = np.linspace(-5, 5, 2001)[:, None] + apart / 2
    detected, reached = common * ndtr(apart - at), (1 - common) * ndtr(-at)
    density = np.exp(-((at - apart) ** 2) / 2)
    precision = (detected / (detected + reached) * density).sum(axis=0) / density.sum(axis=0)
    at_90 = float(ndtr(apart - ndtri(0.9)).mean())
    areas = float(ndtr(apart / np.sqrt(2)).mean()), float(precision.mean())
    return dict(zip(SHOWN, (*areas, at_90, at_90), strict=True))


def counted(cohort: Cohort, scored: Scored) -> dict[tuple[str, str], float]:
    """Each measure by each way of counting."""
    values, pooled = {}, scored.pooled()
    positive = np.bincount(scored.folds, cohort.labels, FOLDS)
    negative = np.bincount(scored.folds, 1 - cohort.labels, FOLDS)
    weights = dict(zip(SHOWN, (positive * negative, positive, positive, negative), strict=True))
    both = np.flatnonzero((positive > 0) & (negative > 0))
    for name in SHOWN:

        def of(rows: np.ndarray, scores: np.ndarray, name: str = name) -> float:
            return METRICS[name].function(cohort.labels[rows], scores[rows], np.ones((1, rows.sum()), int))[0]

        for way, scores in pooled.items():
            values[name, way] = of(np.ones(len(scores), bool), scores)
        by_fold = [of(scored.folds == fold, scored.raw) for fold in both]
        values[name, "within"] = float(np.average(by_fold, weights=weights[name][both]))
        values[name, "mean"] = float(np.mean(by_fold))
    return values


def aurocs(cohort: Cohort, scored: Scored, counts: Float[np.ndarray, "r p"]) -> dict[str, Float[np.ndarray, "r"]]:
    """The AUROC by each way of counting, where patients were drawn so often.

    Between the patients p and q lie a number of pairs of rows, of which a number is in the right order: an AUROC is a
    ratio of two quadratic forms in how often patients were drawn.
    """
    positive, member = cohort.labels == 1, np.eye(len(cohort.has))[cohort.patients]

    def ratio(scores: np.ndarray, chosen: np.ndarray) -> Float[np.ndarray, "r"]:
        right = (np.sign(scores[positive][:, None] - scores[~positive]) + 1) / 2
        forms = (member[positive].T @ (part * chosen) @ member[~positive] for part in (right, np.ones_like(right)))
        top, bottom = (((counts @ form) * counts).sum(axis=1) for form in forms)
        return share(top, bottom)

    alike = scored.folds[positive][:, None] == scored.folds[~positive]
    values = {way: ratio(scores, np.ones_like(alike)) for way, scores in scored.pooled().items()}
    values["within"] = ratio(scored.raw, alike)
    by_fold = [ratio(scored.raw, alike & (scored.folds[positive] == fold)[:, None]) for fold in range(FOLDS)]
    values["mean"] = share(np.nansum(by_fold, axis=0), (~np.isnan(by_fold)).sum(axis=0))
    return values


@dataclass
class Tally:
    """What one run of a setting gave, by measure and way of counting; `lacking` where a fold lacks a class."""

    off: dict[tuple[str, str], float]
    lacking: bool
    held: dict[tuple[str, str], bool]
    rejected: dict[tuple[str, str], bool]


def run(rng: np.random.Generator, setting: Setting, resamples: int) -> Tally:
    cohort = draw(rng, setting)
    deals = [deal(rng, cohort.has, FOLDS, alike=setting.dealt) for _ in range(2)]
    sets = [
        cross_validate(rng, cohort, cohort.views[view], folds, setting.stopped)
        for view, folds in ((0, deals[0]), (1, deals[0]), (1, deals[1]))
    ]
    common = setting.positives / setting.patients * (0.5 if setting.rows > 1 else 1)
    truth = [truths(APART * scored.apart, common) for scored in sets]
    off = {key: value - truth[0][key[0]] for key, value in counted(cohort, sets[0]).items()}
    tally = Tally(off, len(np.unique(deals[0][cohort.has])) < FOLDS, {}, {})
    once, seed, people = np.ones((1, setting.patients)), int(rng.integers(1 << 30)), np.arange(setting.patients)
    points = [aurocs(cohort, scored, once) for scored in sets]
    for drawn, strata in (("freely", None), ("in folds", deals[0])):
        ((_, counts),) = draw_counts(people, resamples=resamples, seed=seed, at_once=resamples, strata=strata)
        sampled = [aurocs(cohort, scored, counts.astype(float)) for scored in sets]
        for way in WAYS:
            values = [float(each[way][0]) for each in points]
            tally.held[way, drawn] = holds(interval(values[0], sampled[0][way]), truth[0]["auroc"])
            for other, whose in ((1, f"same folds, {drawn}"), (2, f"other folds, {drawn}")):
                test = paired_difference(values[0], values[other], sampled[0][way], sampled[other][way])
                tally.held[way, whose] = holds(test.estimate, truth[0]["auroc"] - truth[other]["auroc"])
                tally.rejected[way, whose] = test.p is not None and test.p <= ALPHA
    return tally


def holds(estimate: Estimate, truth: float) -> bool:
    """Whether an interval holds the truth; none holds it where it is refused."""
    return estimate.low is not None and estimate.high is not None and estimate.low <= truth <= estimate.high


def percent(counts: Sequence[bool]) -> str:
    """A share in percent with its 95 % Wilson interval."""
    low, high = binomtest(sum(counts), len(counts)).proportion_ci(method="wilson")
    return f"{100 * sum(counts) / len(counts):.1f} [{100 * low:.1f}, {100 * high:.1f}]"


def print_table(title: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    lines = [" | ".join(row) for row in (title, ["---"] * len(title), *rows)]
    print("", *(f"| {line} |" for line in lines), sep="\n")


def value_cells(way: str, tallies: Sequence[Tally]) -> list[str]:
    off = [np.array([tally.off[name, way] for tally in tallies]) for name in SHOWN]
    return [f"{values.mean():+.3f}, {values.std():.3f}, {np.sqrt((values**2).mean()):.3f}" for values in off]


def claim_cells(way: str, tallies: Sequence[Tally]) -> list[str]:
    kinds = ("freely", "in folds", "same folds, freely", "other folds, freely")
    held = [percent([tally.held[way, kind] for tally in tallies]) for kind in kinds]
    return [*held, *(percent([tally.rejected[way, kind] for tally in tallies]) for kind in kinds[2:])]


SETTINGS = (
    *(Setting(60, 8, 24), Setting(60, 8, 24, stopped=True), Setting(60, 1, 24), Setting(200, 1, 80)),
    *(Setting(60, 8, 8, dealt=False), Setting(150, 1, 9, dealt=False)),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("runs", 150), ("resamples", 500), ("seed", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    asked = parser.parse_args()
    values, claims = [], []
    for number, setting in enumerate(SETTINGS):
        seeds = [[asked.seed, number, place] for place in range(asked.runs)]
        tallies = [run(np.random.default_rng(seed), setting, asked.resamples) for seed in seeds]
        lacking = sum(tally.lacking for tally in tallies)
        print(f"{setting}: a fold lacks a class in {lacking} of {asked.runs} cohorts", flush=True)
        values += [(str(setting), way, *value_cells(way, tallies)) for way in WAYS]
        claims += [(str(setting), way, *claim_cells(way, tallies)) for way in WAYS]
    print_table(("cohorts", "way", *(f"{METRICS[name].title}: bias, SD, RMSE" for name in SHOWN)), values)
    kinds = ("drawn freely", "drawn in folds", "difference", "difference, other folds")
    titles = (*(f"holds: {kind}" for kind in kinds), "p <= 0.05", "p <= 0.05, other folds")
    print_table(("cohorts", "way", *(f"{title} (%)" for title in titles)), claims)


if __name__ == "__main__":
    main()
