"""What follows at the threshold at which a model is acted on: shares of right answers, and how many rows are read.

In shapes, n is the number of rows and r of resamples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from mmdx.errors import UsageError
from mmdx.stats.cohort.cohort import Cohort
from mmdx.stats.cohort.counts import leading
from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.comparison.sums import clustered_share, row_a_patient, sum_by_patient, wilson
from mmdx.stats.resampling.intervals import Estimate, interval
from mmdx.stats.resampling.weights import share

CELLS = ("true_yes", "false_no", "false_yes", "true_no")
SHARES = {
    "sensitivity": (("true_yes",), ("true_yes", "false_no")),
    "specificity": (("true_no",), ("true_no", "false_yes")),
    "PPV": (("true_yes",), ("true_yes", "false_yes")),
    "NPV": (("true_no",), ("true_no", "false_no")),
    "flagged": (("true_yes", "false_yes"), CELLS),
}
"""Each is the share that the first cells have in the second."""


@dataclass(frozen=True)
class AtPoint:
    """One model on one finding: its shares by the keys of `SHARES`, `read`, the flagged rows that are read for one with
    the finding, and, at a stated prevalence, `PPV` and `NPV` of what the comparison leads with (else empty).
    `thresholds` are the least and the greatest of the rows."""

    finding: int
    arm: int
    thresholds: tuple[float, ...]
    shares: dict[str, Estimate]
    read: Estimate
    elsewhere: dict[str, Estimate]


def check_prevalence(prevalence: float) -> None:
    """Raises `UsageError` where a prevalence is no share between 0 and 1."""
    if not 0 < prevalence < 1:
        raise UsageError(f"prevalence {prevalence:g}: must lie between 0 and 1 (0.02 is two patients in a hundred)")


def acted_on(cohort: Cohort, finding: int) -> bool:
    """Whether every row with a label has a threshold of every training of every model."""
    known = ~np.isnan(cohort.labels[:, finding])
    trainings = [training for arm in cohort.models for training in cohort.scored[arm]]
    return bool(known.any()) and not any(np.isnan(one.acted_on[known, finding]).any() for one in trainings)


def at_point(cohort: Cohort, findings: Sequence[int], resampler: Resampler) -> list[AtPoint]:
    """By finding and model, over the same resamples. Answers of several trainings are averaged row by row."""
    pairs, count = [(f, arm) for f in findings for arm in cohort.models], int(cohort.patients.max()) + 1
    if not pairs:
        return []
    cells = [cells_of(cohort, f, arm) for f, arm in pairs]
    sums = resampler.sums(np.hstack([sum_by_patient(own, cohort.patients, count) for own in cells]))
    sums = sums.reshape(resampler.resamples, len(pairs), len(CELLS))
    return [
        _at_point(cohort, pair, own, dict(zip(CELLS, sums[:, index].T, strict=True)))
        for index, (pair, own) in enumerate(zip(pairs, cells, strict=True))
    ]


def cells_of(cohort: Cohort, finding: int, arm: int) -> Float[np.ndarray, "n 4"]:
    """In which of the four `CELLS` each row is, as columns of shares over the trainings; in none without a label."""
    answers = [one.scores[:, finding] >= one.acted_on[:, finding] for one in cohort.scored[arm]]
    yes, labels = np.mean(answers, axis=0), cohort.labels[:, finding]
    positive, negative = labels == 1, labels == 0
    return np.stack([yes * positive, (1 - yes) * positive, yes * negative, (1 - yes) * negative], axis=1)


def _at_point(
    cohort: Cohort,
    pair: tuple[int, int],
    cells: Float[np.ndarray, "n 4"],
    resampled: dict[str, Float[np.ndarray, "r"]],
) -> AtPoint:
    finding, arm = pair
    known = ~np.isnan(cohort.labels[:, finding])
    independent = row_a_patient(cohort.patients) and len(cohort.scored[arm]) == 1
    shares, values = {}, {}
    for name, parts in SHARES.items():
        count, total = (float(cells[:, [CELLS.index(cell) for cell in part]].sum()) for part in parts)
        tops, bottoms = (np.sum([resampled[cell] for cell in part], axis=0) for part in parts)
        rows = cells[:, [CELLS.index(cell) for cell in parts[1]]].any(axis=1)
        patients = len(np.unique(cohort.patients[rows]))
        shares[name] = (
            wilson(round(count), round(total))
            if independent
            else clustered_share(count, total, tops, bottoms, patients=patients)
        )
        values[name] = share(np.append(count, tops), np.append(total, bottoms))
    thresholds = np.concatenate([one.acted_on[known, finding] for one in cohort.scored[arm]])
    ends = tuple(dict.fromkeys((float(thresholds.min()), float(thresholds.max()))))
    asked = cohort.prevalence if finding in leading(cohort) else None
    refused = next((shares[of].refused for of in ("sensitivity", "specificity") if shares[of].refused), None)
    elsewhere = {} if asked is None else _elsewhere(values, asked, refused)
    return AtPoint(finding, arm, ends, shares, _inverse(shares["PPV"]), elsewhere)


def _inverse(ppv: Estimate) -> Estimate:
    """One over a share, and over its bounds: how many are read for one that has the finding."""
    if not ppv.value > 0:
        why = "nothing is flagged" if np.isnan(ppv.value) else "no flagged row has the finding"
        return Estimate(np.nan, None, None, ppv.usable, why)
    if ppv.low is None or ppv.high is None or not ppv.low > 0:
        return Estimate(1 / ppv.value, None, None, ppv.usable, ppv.refused or "its bound is infinite")
    return Estimate(1 / ppv.value, 1 / ppv.high, 1 / ppv.low, ppv.usable)


def _elsewhere(
    values: dict[str, Float[np.ndarray, "r"]], prevalence: float, refused: str | None
) -> dict[str, Estimate]:
    """PPV and NPV where another share has the finding, by Bayes' rule from sensitivity and specificity.

    Refused where one of these is, or is 0 or 1, which no resample can change.
    """
    sensitivity, specificity = values["sensitivity"], values["specificity"]
    ends = [name for name in ("sensitivity", "specificity") if values[name][0] in (0.0, 1.0)]
    if ends:
        refused = f"{ends[0]} is {values[ends[0]][0]:g}, which no resample can change"
    hit, spared = sensitivity * prevalence, specificity * (1 - prevalence)
    found = {
        "PPV": share(hit, hit + (1 - prevalence) - spared),
        "NPV": share(spared, spared + prevalence - hit),
    }
    return {name: interval(float(each[0]), each[1:], refused=refused) for name, each in found.items()}
