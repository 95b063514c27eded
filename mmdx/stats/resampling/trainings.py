"""One interval over both sources of chance of a model that was trained several times: its trainings, and the patients.

The mean of S trainings has the variance V + T / S: V over patients, by the bootstrap of that mean, and T that of the
trainings. Few trainings say little of T, so that the interval has the quantiles of Student's t with the degrees of
freedom of Satterthwaite (1946), S - 1 of them for T. What patients do to one training and not to another is in both
parts, which makes the interval a little wide where trainings hardly differ. `docs/statistics.md` holds it against other
ways.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float
from scipy.special import ndtri
from scipy.stats import t as student

from mmdx.stats.resampling.intervals import CONFIDENCE, Estimate

TAIL = (1 + CONFIDENCE) / 2


def over_both(
    values: Float[np.ndarray, "s"], over_patients: Estimate, *, least: float = 0.0, most: float = 1.0
) -> Estimate:
    """The interval of the mean of several trainings over other trainings and other patients.

    `values` are those of each training, `over_patients` is the estimate of their mean. Each side is widened by itself,
    so that a lopsided interval stays so; neither passes `least` or `most`, which the value itself cannot. Refused where
    that over patients is, and with a single training.
    """
    low, high, count = over_patients.low, over_patients.high, len(values)
    if low is None or high is None:
        return over_patients
    if count < 2:
        return replace(
            over_patients, low=None, high=None, refused="a single training does not say how another would differ"
        )
    of_trainings = float(values.var(ddof=1)) / count
    if of_trainings <= 0:
        return over_patients
    normal, value = float(ndtri(TAIL)), over_patients.value
    total = ((high - low) / (2 * normal)) ** 2 + of_trainings
    quantile = student.ppf(TAIL, total**2 / (of_trainings**2 / (count - 1)))
    below, above = (
        float(quantile * np.hypot(max(side, 0.0) / normal, np.sqrt(of_trainings)))
        for side in (value - low, high - value)
    )
    return replace(over_patients, low=max(value - below, least), high=min(value + above, most))
