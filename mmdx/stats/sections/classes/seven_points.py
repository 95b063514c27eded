"""The seven-point checklist of dermoscopy: the score that a model's criteria add up to, held against the diagnosis."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from jaxtyping import Float, Int

from mmdx.seven_points import SEVEN_POINTS, SUSPICIOUS
from mmdx.stats.cohort.cohort import Cohort
from mmdx.stats.metrics.folds import Folds, measure
from mmdx.stats.metrics.registry import METRICS
from mmdx.stats.metrics.thresholds import count, sensitivity, specificity
from mmdx.stats.resampling.intervals import why_too_few
from mmdx.stats.sections.classes.parts import Part, Values, known_rows
from mmdx.study import groups_of

AUROC = METRICS["auroc"]
NAME = "seven-point checklist"
MELANOMA = "DIAG/MEL"
AS_LABELLED = "the criteria as labelled"
MEASURES = {
    "auroc_melanoma": "AUROC of melanoma",
    "auroc_score": "AUROC of the score",
    "sensitivity": f"sensitivity at {SUSPICIOUS}",
    "specificity": f"specificity at {SUSPICIOUS}",
}


def seven_point_score(
    scores: Float[np.ndarray, "n f"], findings: Sequence[str], label_groups: Mapping[str, Sequence[str]]
) -> Float[np.ndarray, "n"]:
    """The points of each row, 0 to 10: those of the criteria whose highest-scored class is the one that counts.

    `label_groups` gives the findings of each group by its name. With labels in the place of scores these are the points
    as labelled.
    """
    points = np.zeros(len(scores))
    for finding, worth in SEVEN_POINTS.items():
        members = list(label_groups[finding.partition("/")[0]])
        columns = [findings.index(member) for member in members]
        points += worth * (scores[:, columns].argmax(axis=1) == members.index(finding))
    return points


def checklist_part(cohort: Cohort) -> Part | None:
    """The score of every model against the diagnosis of melanoma, and beside it that of the labels.

    None where the findings are not those of the checklist, or no row has all of them known.
    """
    if not {MELANOMA, *SEVEN_POINTS} <= set(cohort.findings):
        return None
    label_groups = groups_of(cohort.findings)
    rows = np.arange(len(cohort.labels))
    for name in dict.fromkeys(["DIAG", *(finding.partition("/")[0] for finding in SEVEN_POINTS)]):
        rows = np.intersect1d(rows, known_rows(cohort, label_groups[name]))
    if not len(rows):
        return None
    melanoma = cohort.findings.index(MELANOMA)
    truth = cohort.labels[rows, melanoma]

    def values_of(
        scores: Float[np.ndarray, "n f"], folds: Folds, *, labelled: bool
    ) -> Callable[[Int[np.ndarray, "r n"]], Values]:
        points = seven_point_score(scores, cohort.findings, label_groups)

        def values(weights: Int[np.ndarray, "r n"]) -> Values:
            counts = count(truth, points, weights, float(SUSPICIOUS))
            # A label's own AUROC says nothing.
            direct = np.full(len(weights), np.nan)
            if not labelled:
                direct = measure(AUROC, truth, scores[:, melanoma], weights, folds)
            called = {"sensitivity": sensitivity(counts), "specificity": specificity(counts)}
            # Points are counts on one scale, whichever model made them.
            return {"auroc_melanoma": direct, "auroc_score": AUROC.function(truth, points, weights)} | called

        return values

    models = {
        arm.name: values_of(trainings[0].scores[rows], trainings[0].folds_at(rows), labelled=False)
        for arm, trainings in zip(cohort.arms, cohort.scored, strict=True)
    }
    return Part(
        title="Seven-point checklist, held against the diagnosis of melanoma",
        measures=MEASURES,
        rows=rows,
        models=models | {AS_LABELLED: values_of(cohort.labels[rows], None, labelled=True)},
        refused=why_too_few(truth, cohort.patients[rows]),
        notes=(
            "Seven-point checklist (Argenziano et al. 1998): 2 for each major criterion, 1 for each minor one, and "
            f"melanoma from {SUSPICIOUS}.",
        ),
    )
