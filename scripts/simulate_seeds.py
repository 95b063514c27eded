"""How often intervals of a model of several trainings hold the truth, where that is known: a Markdown table.

    python scripts/simulate_seeds.py [--runs 2000] [--resamples 400] [--seed 0]

A training s of a model has the separation d_s, normal around d. Of a patient i with the label y it says
d_s * y + sqrt(c) * u_i + sqrt(1 - c) * e_si, with u and e standard normal: trainings of a model agree on patients by c.
The truth is the mean AUROC over all trainings there could be, on all patients there could be: 0.80 here, and for the
difference of two equally good models, whose trainings are unlike, 0. A third of the patients have the finding.

`patients`  the percentile interval over patients of the mean of the trainings, the trainings as they are;
`resampled` trainings drawn with replacement within each resample of the patients;
`both`      `mmdx.stats.resampling.trainings`: the variance over patients plus that of the trainings over their number,
            with the t quantile of Satterthwaite;
`widest`    the same, but the trainings' part by itself with the quantile of t of one degree of freedom less than
            trainings (Graybill and Wang 1980).
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.special import ndtri
from scipy.stats import t as student

from mmdx.stats.resampling.intervals import interval
from mmdx.stats.resampling.trainings import TAIL, over_both

AREA, LIKENESS = 0.8, 0.6
WAYS = ("patients", "resampled", "both", "widest")


@dataclass(frozen=True)
class Setting:
    """How cohorts and trainings are drawn; `spread` is the standard deviation of the AUROC over trainings."""

    patients: int
    spread: float
    trainings: int = 3


def draw(rng: np.random.Generator, setting: Setting) -> tuple[Bool[np.ndarray, "n"], Float[np.ndarray, "m s n"]]:
    """The labels, and the scores of the trainings of two equally good models."""
    labels = np.arange(setting.patients) < setting.patients // 3
    apart = np.sqrt(2) * ndtri(np.clip(AREA + setting.spread * rng.normal(size=(2, setting.trainings)), 0.5, 0.999))
    shared, own = rng.normal(size=(2, 1, len(labels))), rng.normal(size=(2, setting.trainings, len(labels)))
    return labels, apart[..., None] * labels + np.sqrt(LIKENESS) * shared + np.sqrt(1 - LIKENESS) * own


def areas(
    labels: Bool[np.ndarray, "n"], scores: Float[np.ndarray, "n"], weights: Int[np.ndarray, "r n"]
) -> Float[np.ndarray, "r"]:
    """The AUROC in each resample, scores without ties."""
    above = (scores[labels][:, None] > scores[~labels]).astype(np.float64)
    positive, negative = weights[:, labels].astype(float), weights[:, ~labels].astype(float)
    return ((positive @ above) * negative).sum(axis=1) / (positive.sum(axis=1) * negative.sum(axis=1))


def bounds(
    values: Float[np.ndarray, "s"], resampled: Float[np.ndarray, "s r"], rng: np.random.Generator
) -> dict[str, tuple[float, float]]:
    """The interval of the mean of the trainings, by each way."""
    mean, count = float(values.mean()), len(values)
    chosen = rng.integers(count, size=(count, resampled.shape[1]))
    again = resampled[chosen, np.arange(resampled.shape[1])].mean(axis=0)
    made = {"patients": interval(mean, resampled.mean(axis=0)), "resampled": interval(mean, again)}
    made["both"] = over_both(values, made["patients"], least=-1.0)
    held = {name: (of.low, of.high) for name, of in made.items() if of.low is not None and of.high is not None}
    own, (low, high) = float(student.ppf(TAIL, count - 1)) * values.std(ddof=1) / np.sqrt(count), held["patients"]
    return held | {"widest": (mean - np.hypot(mean - low, own), mean + np.hypot(high - mean, own))}


def coverage(setting: Setting, runs: int, resamples: int, seed: int) -> dict[str, tuple[float, float, float]]:
    """By way: how often the value and the difference are held, and how wide the interval of the value is."""
    rng = np.random.default_rng(seed)
    held = {way: np.zeros(3) for way in WAYS}
    for _ in range(runs):
        labels, scores = draw(rng, setting)
        # Both classes are always there: an interval without them is refused.
        drawn = rng.multinomial(len(labels), np.full(len(labels), 1 / len(labels)), size=resamples)
        once = np.ones((1, len(labels)), dtype=np.int64)
        values = np.array([[areas(labels, each, once)[0] for each in model] for model in scores])
        resampled = np.array([[areas(labels, each, drawn) for each in model] for model in scores])
        own = bounds(values[0], resampled[0], rng)
        differences = bounds(values[0] - values[1], resampled[0] - resampled[1], rng)
        for way in WAYS:
            (low, high), (below, above) = own[way], differences[way]
            held[way] += (low <= AREA <= high, below <= 0 <= above, high - low)
    return {way: tuple(sums / runs) for way, sums in held.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--resamples", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    print(f"| patients | SD over trainings | trainings | {' | '.join(WAYS)} |\n|{'---|' * (3 + len(WAYS))}")
    for trainings in (3, 5):
        for patients in (90, 300):
            for spread in (0.0, 0.01, 0.03, 0.05):
                setting = Setting(patients, spread, trainings)
                found = coverage(setting, asked.runs, asked.resamples, asked.seed)
                cells = [f"{100 * a:.1f}, {100 * b:.1f} ({width:.3f})" for a, b, width in found.values()]
                print(f"| {patients} | {spread:g} | {trainings} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
