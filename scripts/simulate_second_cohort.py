"""How often what is said of a second cohort holds the truth, where that is known: a Markdown table.

    python scripts/simulate_second_cohort.py [--runs 200] [--patients 400] [--resamples 400] [--seed 0]

On the first cohort three patients in ten have the finding, the classes lie 2 apart, and the scores are right. On the
second six in ten have it, and the classes lie `apart` apart. Truths: the AUROC is Phi(apart / sqrt(2)); the calibration
intercept stands beside log-odds that are taken as they are, and its equation is solved on two million patients.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.optimize import brentq
from scipy.special import expit, logit, ndtr

from mmdx.files import INTERNAL
from mmdx.stats.cohort.cohort import read_cohort
from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.sections.transport.section import transport_section

APART, SHARE, SECOND_SHARE = 2.0, 0.3, 0.6


def draw(
    rng: np.random.Generator, size: int, share: float, apart: float
) -> tuple[Float[np.ndarray, "n"], Float[np.ndarray, "n"]]:
    """Labels, and scores that are right on the first cohort."""
    labels = (rng.random(size) < share).astype(float)
    told = rng.normal(apart * labels, 1.0)
    return labels, expit(logit(SHARE) + APART * told - APART**2 / 2)


def write(path: Path, labels: Float[np.ndarray, "n"], scores: Float[np.ndarray, "n"]) -> None:
    names = [f"{path.stem}{number}" for number in range(len(labels))]
    table = {"study_id": names, "patient_id": names, "shown": "image", "finding": "bleed"}
    pd.DataFrame(table | {"label": labels.astype(int), "score": scores}).to_csv(path, index=False)


def truths(apart: float) -> dict[str, float]:
    """By measure: what it is with patients without end."""
    labels, scores = draw(np.random.default_rng(1), 2_000_000, SECOND_SHARE, apart)
    asked = logit(scores)
    intercept = brentq(lambda shift: float((labels - expit(asked + shift)).mean()), -5.0, 5.0)
    change = ndtr(apart / np.sqrt(2)) - ndtr(APART / np.sqrt(2))
    return {"change of AUROC": change, "shift of prevalence": SECOND_SHARE - SHARE, "intercept": intercept}


def found(folder: Path, rng: np.random.Generator, patients: int, apart: float, resamples: int) -> dict[str, dict]:
    """By measure: its value and interval on a drawn pair of cohorts."""
    write(folder / INTERNAL, *draw(rng, patients, SHARE, APART))
    write(folder / "test.csv", *draw(rng, patients, SECOND_SHARE, apart))
    cohort = read_cohort([folder / "test.csv"])
    section = transport_section(cohort, Resampler.of(cohort, resamples=resamples, seed=int(rng.integers(2**31))))
    assert section is not None
    (model,), of = section.record["models"], section.record["findings"]["bleed"]
    return {
        "change of AUROC": model["change"],
        "shift of prevalence": of["prevalence"]["shift"],
        "intercept": of["intercept"]["second"],
    }


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--patients", type=int, default=400, help="of each cohort")
    parser.add_argument("--resamples", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    asked = options()
    print("| classes apart | measure | truth | mean | interval holds it | interval above or below 0 |")
    print("|---|---|---|---|---|---|")
    for apart in (APART, 1.0):
        rng = np.random.default_rng(asked.seed)
        with tempfile.TemporaryDirectory() as folder:
            cohorts = [found(Path(folder), rng, asked.patients, apart, asked.resamples) for _ in range(asked.runs)]
        for measure, truth in truths(apart).items():
            of = [cohort[measure] for cohort in cohorts]
            mean = np.mean([one["value"] for one in of])
            held = np.mean([one["low"] <= truth <= one["high"] for one in of])
            beside = np.mean([not one["low"] <= 0 <= one["high"] for one in of])
            print(f"| {apart:g} | {measure} | {truth:.3f} | {mean:.3f} | {held:.1%} | {beside:.1%} |", flush=True)
