"""How often another draw of patients would put two models in the other order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import beta

from mmdx.stats.cohort.cohort import Cohort
from mmdx.stats.cohort.counts import leading, why_no_mean
from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.comparison.sampled import sample_scores
from mmdx.stats.resampling.intervals import CONFIDENCE, Estimate, why_no_interval


@dataclass(frozen=True)
class Order:
    """The reference and another model by the primary metric, and the share of resamples in which the order is reversed.

    `first` leads on the patients as they are, None where the two are equal. The interval of `reversed` (Jeffreys) is
    about the number of resamples alone.
    """

    other: int
    first: int | None
    reversed: Estimate


def orders(cohort: Cohort, resampler: Resampler) -> list[Order]:
    """The reference beside each other model, over the resamples of the comparison; none where no finding leads."""
    included, models = leading(cohort), cohort.models
    if not included or len(models) < 2:
        return []
    refused = why_no_mean(cohort, included)
    trainings = [cohort.scored[arm] for arm in models]
    sampled = sample_scores(cohort, cohort.primary, trainings, resampler)
    means = [of_arm.macro(included) for of_arm in sampled]
    found = []
    for arm, mean in zip(models[1:], means[1:], strict=True):
        ahead = round(means[0].value - mean.value, 12)
        differences = np.round(means[0].resampled - mean.resampled, 12)
        no = refused or why_no_interval(ahead, differences) or (None if ahead else "the two are equal")
        first = None if not ahead or np.isnan(ahead) else models[0] if ahead > 0 else arm
        found.append(Order(arm, first, _share(differences * np.sign(ahead), no)))
    return found


def _share(ahead: np.ndarray, refused: str | None) -> Estimate:
    """The share of values below 0, those of 0 counting half, with the interval of Jeffreys."""
    usable = ahead[~np.isnan(ahead)]
    if refused or not len(usable):
        return Estimate(np.nan, None, None, len(usable), refused)
    count = float((usable < 0).sum() + (usable == 0).sum() / 2)
    rest, tail = len(usable) - count, (1 - CONFIDENCE) / 2
    low = 0.0 if count == 0 else float(beta.ppf(tail, count + 0.5, rest + 0.5))
    high = 1.0 if rest == 0 else float(beta.ppf(1 - tail, count + 0.5, rest + 0.5))
    return Estimate(count / len(usable), low, high, len(usable))
