"""How much of the gap between an inferior and a superior model another one closes, and how well a latent is guessed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from mmdx.stats.cohort.cohort import read_cohort
from mmdx.stats.comparison.compare import Comparison
from mmdx.stats.comparison.measured import Measured
from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.metrics.registry import METRICS, PRIMARY
from mmdx.stats.resampling.intervals import Estimate, interval
from mmdx.stats.resampling.weights import share


@dataclass(frozen=True)
class Recovery:
    """Superior minus inferior, in one metric, and the share of it that each other arm recovers.

    The metric is that of the primary `finding`, or (None) its macro mean.

    0 is no better than the inferior model, 1 as good as the superior one; below 0 and above 1 are possible.
    """

    metric: str
    gap: Estimate
    shares: Mapping[str, Estimate]
    finding: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values for a JSON file; NaN as null."""
        shares = {name: share.to_json() for name, share in self.shares.items()}
        return {"metric": self.metric, "finding": self.finding, "gap": self.gap.to_json(), "shares": shares}


def recovered(sources: Sequence[Path], comparison: Comparison, *, metric: str = PRIMARY.name) -> Recovery:
    """The shares for prediction files of one arm each: the superior model's, the inferior model's, then others'.

    `comparison` is that of the same files: its resamples are drawn again, and its primary finding is asked for. Where
    the interval of the gap does not lie above 0, there is nothing that could be recovered, and no share has an
    interval.
    """
    finding = comparison.primary_finding
    cohort = read_cohort(sources, primary=finding)
    included = [cohort.findings.index(name) for name in comparison.in_mean]
    place, column = list(METRICS).index(metric), -1 if finding is None else cohort.findings.index(finding)
    measured = Measured(cohort, included)
    points = measured.points()[:, place, column]
    resampler = Resampler.of(cohort, resamples=comparison.resamples, seed=comparison.seed)
    resampled = measured.resampled(resampler)[:, place, column]
    _, inferior, *others = (arm.name for arm in cohort.arms)
    gap = comparison.differences[inferior, metric, finding].estimate
    shares = {
        name: gap_share(points[a], resampled[a], (points[1], resampled[1]), (points[0], resampled[0]), gap)
        for a, name in enumerate(others, start=2)
    }
    return Recovery(metric, gap, shares, finding)


def gap_share(
    value: float,
    resampled: Float[np.ndarray, "r"],
    inferior: tuple[float, Float[np.ndarray, "r"]],
    superior: tuple[float, Float[np.ndarray, "r"]],
    gap: Estimate,
) -> Estimate:
    """(value - inferior) / (superior - inferior) over the same resamples; those without a gap above 0 define none."""
    refused = gap.refused
    if gap.low is not None and gap.high is not None and gap.low <= 0:
        refused = f"the gap is {gap.value:.3f} ({gap.low:.3f} to {gap.high:.3f}), which is not shown to be above 0"
    gaps = superior[1] - inferior[1]
    shares = np.divide(resampled - inferior[1], gaps, out=np.full_like(gaps, np.nan), where=gaps > 0)
    full_gap = superior[0] - inferior[0]
    return interval((value - inferior[0]) / full_gap if full_gap > 0 else float("nan"), shares, refused=refused)


def variance_explained(
    errors: Float[np.ndarray, "n"],
    trivial: Float[np.ndarray, "n"],
    patients: Int[np.ndarray, "n"],
    *,
    resamples: int = 2000,
    seed: int = 0,
) -> Estimate:
    """1 - sum of `errors` / sum of `trivial`, both squared errors of the same rows: R² where the trivial answer is a
    mean. `patients` numbers the patient of each row from 0 without gaps."""

    def explained(weights: Int[np.ndarray, "r n"]) -> dict[str, Float[np.ndarray, "r"]]:
        return {"r2": 1 - share(weights @ errors, weights @ trivial)}

    total = float(trivial.sum())
    resampled = Resampler(patients, None, resamples, seed).values(explained)["r2"].resampled
    return interval(1 - float(errors.sum()) / total if total > 0 else float("nan"), resampled)
