"""The studies on which the reference and another model disagree most, and who was right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from mmdx.stats.cohort.cohort import Cohort
from mmdx.stats.comparison.resampler import Resampler
from mmdx.stats.report.section import Section
from mmdx.stats.report.tables import Sheet
from mmdx.stats.report.words import number
from mmdx.stats.sections.reliability.measures import scaled_scores

KEY = "disagreements"
"""The key of the section."""
MOST_ROWS = 10
MOST_APART, MOST_OF_FINDING = 12, 2
"""Studies that are pictured, in all and of each finding."""
PICTURED = (
    f"Of each finding up to {MOST_OF_FINDING} studies with a known label: those on which the calibrated scores of the "
    f"reference and of another model lie farthest apart, at most {MOST_APART} in all. Scores are after temperature "
    "scaling where validation can choose a temperature. Of each study one slice: the likeliest for the finding where a "
    "model answers for slices, else the middle one. Identifiers are those of the store."
)
"""By which rule studies and slices are pictured."""
FAR = 0.5
"""A difference of scores that the sentences count."""


@dataclass(frozen=True)
class _Disagreement:
    """A row and finding with a label, and what two models scored."""

    name: str
    finding: str
    label: int
    first: float
    second: float

    @property
    def nearer(self) -> int | None:
        """0 where the first score lies nearer to the label, 1 where the second does."""
        distances = abs(self.first - self.label), abs(self.second - self.label)
        return None if distances[0] == distances[1] else int(distances[1] < distances[0])


@dataclass(frozen=True)
class Apart:
    """A study and finding on which the calibrated `scores` of the reference and of another model lie far apart.

    `arms` names the two, `sources` says from which file the scores of each were read and what it was shown.
    """

    name: str
    finding: str
    label: int
    arms: tuple[str, str]
    sources: tuple[tuple[str, str], tuple[str, str]]
    scores: tuple[float, float]

    @property
    def distance(self) -> float:
        return abs(self.scores[0] - self.scores[1])


def apart_by_finding(cohort: Cohort) -> tuple[Apart, ...]:
    """The studies worth a look: of each finding the two with a known label on which the calibrated scores of the
    reference and of another model, whichever, lie farthest apart; at most twelve, those that lead their finding first
    and then by the distance. They stand in the order of the findings.

    Scores are those after temperature scaling, where validation can choose a temperature. Empty where rows are no
    studies.
    """
    others = [arm for arm in cohort.models if arm != 0]
    if cohort.unit != "study" or not others:
        return ()
    scaled = scaled_scores(cohort)
    scores = np.where(np.isnan(scaled), cohort.scores, scaled)
    distances = np.abs(scores[others] - scores[0])
    distances = np.where(np.isnan(cohort.labels) | np.isnan(distances), 0.0, distances)
    arms, farthest = distances.argmax(axis=0), distances.max(axis=0)
    ranked = []
    for f in range(len(cohort.findings)):
        rows = np.argsort(-farthest[:, f], kind="stable")[:MOST_OF_FINDING]
        apart = [(int(row), others[arms[row, f]]) for row in rows if farthest[row, f] > 0]
        ranked += [(rank, f, _apart(cohort, scores, row, f, arm)) for rank, (row, arm) in enumerate(apart)]
    kept = sorted(ranked, key=lambda entry: (entry[0], -entry[2].distance))[:MOST_APART]
    return tuple(apart for _, _, apart in sorted(kept, key=lambda entry: (entry[1], entry[0])))


def _apart(cohort: Cohort, scores: Float[np.ndarray, "a n f"], row: int, f: int, arm: int) -> Apart:
    first, second = cohort.arms[0], cohort.arms[arm]
    return Apart(
        cohort.names[row],
        cohort.findings[f],
        int(cohort.labels[row, f]),
        (first.name, second.name),
        ((first.source, first.shown), (second.source, second.shown)),
        (float(scores[0, row, f]), float(scores[arm, row, f])),
    )


def disagreements_section(cohort: Cohort, resampler: Resampler) -> Section | None:
    """For the reference and each other model, at most ten rows by how far their scores lie apart.

    None where nothing is compared, or no two scores differ. Nothing is resampled.
    """
    others = [arm for arm in cohort.models if arm != 0]
    pairs = {arm: _most(cohort, arm) for arm in others}
    pairs = {arm: rows for arm, rows in pairs.items() if rows}
    if not pairs:
        return None
    note = (
        "Rows with a known label, by the distance of the two scores. The score nearer to the label is called right, "
        "whatever the thresholds; such rows are picked for being extreme, and prove nothing."
    )
    return Section(
        KEY,
        "Where the models disagree most",
        sentences=tuple(_sentence(cohort, arm) for arm in pairs),
        sheets=tuple(_sheet(cohort, arm, rows) for arm, rows in pairs.items()),
        notes=(note,),
        record=[
            {"arm": cohort.arms[arm].name, "row": row.name, "finding": row.finding, "label": row.label}
            | {"reference_score": row.first, "score": row.second}
            for arm, rows in pairs.items()
            for row in rows
        ],
        pictured=PICTURED,
    )


def _most(cohort: Cohort, arm: int) -> list[_Disagreement]:
    """Ties stand in the order of the rows."""
    both = [cohort.scored[number][0].scores for number in (0, arm)]
    apart = np.where(np.isnan(cohort.labels), 0.0, np.abs(both[0] - both[1])).ravel()
    rows = []
    for place in np.argsort(-apart, kind="stable")[:MOST_ROWS]:
        row, f = divmod(int(place), len(cohort.findings))
        if apart[place] > 0:
            scores = (float(scores_of_arm[row, f]) for scores_of_arm in both)
            rows.append(_Disagreement(cohort.names[row], cohort.findings[f], int(cohort.labels[row, f]), *scores))
    return rows


def _sentence(cohort: Cohort, arm: int) -> str:
    """How often the two are far apart, and who is nearer to the label then."""
    first, second = (cohort.scored[number][0].scores for number in (0, arm))
    labels = cohort.labels
    labelled = ~np.isnan(labels)
    far = labelled & (np.abs(np.where(labelled, first - second, 0.0)) >= FAR)
    reference, other = cohort.arms[0].name, cohort.arms[arm].name
    count, total = int(far.sum()), int(labelled.sum())
    if not count:
        return f"The scores of {reference} and {other} are nowhere {FAR:g} or more apart ({total} labels)."
    nearer = int((np.abs(first - labels)[far] < np.abs(second - labels)[far]).sum())
    return (
        f"The scores of {reference} and {other} are {FAR:g} or more apart for {count} of {total} labels; "
        f"{reference} is nearer to {nearer} of these labels, {other} to {count - nearer}."
    )


def _sheet(cohort: Cohort, arm: int, rows: list[_Disagreement]) -> Sheet:
    names = (cohort.arms[0].name, cohort.arms[arm].name)
    lines = []
    for row in rows:
        right = "neither" if row.nearer is None else names[row.nearer]
        label = "present" if row.label else "absent"
        lines.append((row.name, row.finding, label, number(row.first), number(row.second), right))
    return Sheet(f"{names[0]} against {names[1]}", (cohort.unit, "finding", "label", *names, "nearer"), tuple(lines))
