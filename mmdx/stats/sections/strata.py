"""Gains within strata of the probability before the images were read.

A patient whose history says it all gains nothing by an image. Studies are dealt into thirds by what a text that was
known before says by itself: the baseline `TF-IDF NAME`, which learned from training studies alone, else the model that
was shown that text alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool

from mmdx.stats.cohort.cohort import Cohort
from mmdx.stats.cohort.counts import leading, why_no_mean
from mmdx.stats.comparison.drawn import Drawn, Sampled
from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.comparison.sampled import mean_name
from mmdx.stats.metrics.registry import METRICS
from mmdx.stats.report.section import Section
from mmdx.stats.report.tables import Sheet
from mmdx.stats.report.words import capitalised, p_cell, with_interval, with_test
from mmdx.stats.significance.difference import Difference

STRATA = ("low", "middle", "high")


@dataclass(frozen=True)
class Stratum:
    """A third of the studies by their probability before: the AUROC of each model, and the reference minus each."""

    name: str
    studies: int
    values: Sequence[Drawn]
    differences: Sequence[Difference]


def strata_section(cohort: Cohort, resampler: Resampler) -> Section | None:
    """The reference and every other model within each third; None where no run says that a text was known before, no
    arm answers from it alone, or there is one model."""
    before = _before(cohort)
    arms = [arm for arm in cohort.models if arm != before]
    if before is None or len(arms) < 2:
        return None
    included = leading(cohort)
    strata = [_stratum(cohort, place, before, arms, included, resampler) for place in range(len(STRATA))]
    named, first = mean_name(cohort, included, METRICS["auroc"]), cohort.arms[arms[0]].name
    others = [cohort.arms[arm].name for arm in arms[1:]]
    header = ("before", "studies", first, *(f"minus {name}" for name in others))
    rows = [
        (
            stratum.name,
            str(stratum.studies),
            with_interval(stratum.values[0].estimate),
            *(f"{with_interval(d.estimate)} p {p_cell(d.p)}" for d in stratum.differences),
        )
        for stratum in strata
    ]
    told = cohort.arms[before].name
    return Section(
        "strata",
        "By the probability before the images",
        tuple(_sentence(first, others, named, stratum) for stratum in strata),
        (Sheet(f"{capitalised(named)} by the probability before (thirds by {told})", header, tuple(rows)),),
        (),
        (
            f"Thirds of the studies of each finding by {told}, which answers from what was known before the images "
            "were read (data.provenance.before). The p-values of this section are not corrected for their number.",
        ),
        [_record(stratum, first, others) for stratum in strata],
    )


def _before(cohort: Cohort) -> int | None:
    """The arm that answers from a text known before alone: a baseline rather than a model."""
    texts = [text for origin in cohort.origins for text in origin.before]
    wanted = [("baseline", f"TF-IDF {text}") for text in texts] + [("model", text) for text in texts]
    places = {(arm.kind, arm.shown): number for number, arm in enumerate(cohort.arms)}
    return next((places[pair] for pair in wanted if pair in places), None)


def _third(cohort: Cohort, place: int, before: int, finding: int) -> Bool[np.ndarray, "n"]:
    """The rows of a third by the scores of an arm for a finding; equal scores stay together."""
    scores = cohort.scores[before, :, finding]
    edges = np.quantile(scores[~np.isnan(cohort.labels[:, finding])], [1 / 3, 2 / 3])
    return np.digitize(scores, edges, right=True) == place


def _stratum(
    cohort: Cohort, place: int, before: int, arms: Sequence[int], included: Sequence[int], resampler: Resampler
) -> Stratum:
    metric, values, sizes = METRICS["auroc"], [], []
    thirds = [_third(cohort, place, before, finding) for finding in included]
    refused = [why_no_mean(cohort, [f], rows) for f, rows in zip(included, thirds, strict=True)]
    reason = next((why for why in refused if why), None)
    affordable = resampler.affordable(values=len(cohort.patients) * len(arms) * len(included))
    for finding, rows in zip(included, thirds, strict=True):
        trainings = [cohort.scored[arm][0] for arm in arms]
        scores, folds = np.stack([one.scores for one in trainings]), [one.folds for one in trainings]
        labels = cohort.labels[:, [finding]]
        values += affordable.over(metric, labels, scores[:, :, [finding]], subsets=[rows], folds=folds)
        sizes.append(int((rows & ~np.isnan(labels[:, 0])).sum()))
    means = [_mean(values, number, reason) for number in range(len(arms))]
    return Stratum(STRATA[place], max(sizes), means, [means[0].minus(other) for other in means[1:]])


def _mean(of_findings: Sequence[Sampled], arm: int, refused: str | None) -> Drawn:
    """The mean over findings of one arm."""
    points = [sampled.points[arm, 0] for sampled in of_findings]
    resampled = [sampled.resampled[arm, 0] for sampled in of_findings]
    return Drawn(float(np.mean(points)), np.mean(resampled, axis=0), refused)


def _sentence(first: str, others: Sequence[str], named: str, stratum: Stratum) -> str:
    told = [
        f"{other} {with_test(difference)}{'' if difference.shown else ', not shown'}"
        for other, difference in zip(others, stratum.differences, strict=True)
    ]
    return f"Where the probability before is {stratum.name}, {first} minus the others in {named}: {'; '.join(told)}."


def _record(stratum: Stratum, first: str, others: Sequence[str]) -> dict[str, Any]:
    return {
        "before": stratum.name,
        "studies": stratum.studies,
        "auroc": {name: value.estimate.to_json() for name, value in zip((first, *others), stratum.values, strict=True)},
        "differences": {
            name: difference.estimate.to_json() | {"p": difference.p}
            for name, difference in zip(others, stratum.differences, strict=True)
        },
    }
