"""What the arms of a cohort were shown: the fullest showing of each run, those short of a modality, and stand-ins."""

from __future__ import annotations

from dataclasses import dataclass

from mmdx.stats.cohort.cohort import Arm, Cohort


@dataclass(frozen=True)
class Withheld:
    """Two showings of one run: arm `full`, and arm `without`, which lacks `modality` alone.

    `trained` are the arms of other runs that know exactly what `without` was shown, and were trained on no more.
    """

    full: int
    without: int
    modality: str
    trained: tuple[int, ...]


def modalities(arm: Arm) -> frozenset[str]:
    """The names of what an arm was shown."""
    return frozenset(arm.shown.split("+"))


def withheld(cohort: Cohort) -> list[Withheld]:
    """Every fullest showing of a run beside each one that lacks a single modality of it."""
    pairs = []
    for full in fullest(cohort):
        of_full = modalities(cohort.arms[full])
        for arm in cohort.models:
            lost = of_full - modalities(cohort.arms[arm])
            same_run = cohort.arms[arm].run == cohort.arms[full].run
            if same_run and len(lost) == 1 and modalities(cohort.arms[arm]) < of_full:
                pairs.append(Withheld(full, arm, min(lost), tuple(trained_alike(cohort, arm))))
    return pairs


def fallbacks(cohort: Cohort) -> list[tuple[int, int]]:
    """Each showing that is not the fullest of its run, beside each arm of another run trained on exactly that."""
    full = fullest(cohort)
    return [(arm, other) for arm in cohort.models if arm not in full for other in trained_alike(cohort, arm)]


def fullest(cohort: Cohort) -> list[int]:
    """By run, the model arm that was shown the most, the first where several were."""
    best: dict[str, int] = {}
    for arm in cohort.models:
        run = cohort.arms[arm].run
        if run not in best or len(modalities(cohort.arms[arm])) > len(modalities(cohort.arms[best[run]])):
            best[run] = arm
    return list(best.values())


def trained_alike(cohort: Cohort, arm: int) -> list[int]:
    """The fullest showings of other runs that know exactly what this arm was shown."""
    return [
        other
        for other in fullest(cohort)
        if cohort.arms[other].run != cohort.arms[arm].run
        and modalities(cohort.arms[other]) == modalities(cohort.arms[arm])
    ]
