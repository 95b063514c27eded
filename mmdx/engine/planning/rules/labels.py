"""Which findings are learnt, and which of them leads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mmdx.engine.planning.choices import Choice
from mmdx.engine.planning.facts.cohort import Cohort
from mmdx.errors import DataError, some

FEWEST = 3
"""Patients to train on that a finding needs with it, and as many without it: with fewer, a fold may have none."""
WANTED = 10
"""Patients with a finding, and as many without it, below which its figures say little."""
ANY = "any"
"""The name of a finding that sums up the others, as challenges of head CTs call it."""


@dataclass(frozen=True)
class Findings:
    """The findings to learn, in the order of the reader, with the `primary` one; `wanting` are those to be read with
    care, for they have fewer than `WANTED` patients of a class."""

    names: tuple[str, ...]
    primary: str
    choices: tuple[Choice, ...]
    wanting: tuple[str, ...]


def choose_findings(cohort: Cohort) -> Findings:
    """The findings that there are enough patients to learn from, and the one that leads.

    Raises `DataError` where there is none.
    """
    labels = cohort.labels
    names = tuple(finding for finding, label in labels.items() if label.rarer >= FEWEST)
    if not names:
        raise DataError(_nothing_to_learn(cohort))
    left_out = [
        f"{finding} ({label.taught} with, {label.denied} without)"
        for finding, label in labels.items()
        if finding not in names
    ]
    enough = f"{FEWEST} patients to train on with the finding and {FEWEST} without it"
    reason = f"Those of {len(labels)} labels that have at least {enough}."
    if left_out:
        reason += f" Left out, for nothing can be learnt of them: {', '.join(left_out)}."
    primary, why = choose_primary(cohort, names)
    choices = (Choice("data.findings", list(names), reason), Choice("data.primary", primary, why))
    return Findings(names, primary, choices, tuple(f for f in names if labels[f].rarer < WANTED))


def choose_primary(cohort: Cohort, names: Sequence[str]) -> tuple[str, str]:
    """The finding of `names` that leads, and why: the one called `any`, the only one, else the best balanced."""
    if ANY in names:
        return ANY, "The finding that sums up the others leads; change it before you look at a result, never after."
    if len(names) == 1:
        return names[0], "The only finding that is learnt."
    best = max(names, key=lambda finding: cohort.labels[finding].rarer)
    label = cohort.labels[best]
    return best, (
        f"The best balanced finding leads ({label.positive} patients with it, {label.negative} without), which is told "
        "best. If another is your question, name it now, not after you have seen a result."
    )


def _nothing_to_learn(cohort: Cohort) -> str:
    counts = [f"{finding} {label.taught} and {label.denied}" for finding, label in cohort.labels.items()]
    if not counts:
        return (
            f"{cohort.source}: no study has a label, so nothing can be learnt; see what reader '{cohort.reader}' needs"
        )
    return (
        f"{cohort.source}: no finding has {FEWEST} patients to train on with it and {FEWEST} without it "
        f"({some(counts)}); add studies or labels"
    )
