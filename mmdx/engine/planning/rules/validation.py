"""How the cohort is tested: by folds, by the split that came with it, or by one that is dealt."""

from __future__ import annotations

from mmdx.engine.planning.choices import Choice
from mmdx.engine.planning.facts.cohort import Cohort
from mmdx.schema import FoldOptions, SplitOptions

FOLDED = 500
"""Patients below which folds are made: a fifth of fewer is too small a test for a claim."""
FOLDS, FEWER_FOLDS = 5, 3
PER_FOLD = 3
"""Patients that each fold needs at least."""
SPLIT = SplitOptions()


def fold_count(cohort: Cohort) -> int:
    """Folds that suit a cohort; 0 where one split does."""
    if cohort.splits.get("test") or cohort.patients >= FOLDED:
        return 0
    return FOLDS if cohort.patients >= FOLDS * PER_FOLD else FEWER_FOLDS


def training_share(folds: int, cohort: Cohort) -> float:
    """The share of the patients that one training learns from, those of validation aside."""
    if folds:
        return (1 - 1 / folds) * (1 - FoldOptions().val)
    if cohort.splits.get("test"):
        dealt = sum(count for split, count in cohort.splits.items() if split != "train")
        validating = 0.0 if cohort.splits.get("val") else SPLIT.val * cohort.patients
        return max(0.1, 1 - (dealt + validating) / cohort.patients)
    return 1 - SPLIT.val - SPLIT.test


def validation_choice(folds: int, cohort: Cohort) -> Choice | None:
    """The choice of folds or of a split; None where the split that came with the data is kept."""
    patients = f"{cohort.patients} patients"
    if folds == FOLDS:
        reason = f"Below {FOLDED} patients every one should be tested once: {patients} in {folds} folds, by patient."
        return Choice("data.folds", {"count": folds, "seed": 0}, reason)
    if folds:
        reason = f"{patients} in {folds} folds, by patient: more folds would be too small, or take too long."
        return Choice("data.folds", {"count": folds, "seed": 0}, reason)
    if cohort.splits.get("test"):
        return None
    shares = {"val": SPLIT.val, "test": SPLIT.test, "seed": 0}
    return Choice("data.split", shares, f"{patients} spare a fifth for one test; folds would take five trainings.")


def split_remark(cohort: Cohort) -> str:
    """The sentence about a split that came with the data and is kept; empty where there is none."""
    if not cohort.splits.get("test"):
        return ""
    counts = ", ".join(
        f"{split} {cohort.splits[split]}" for split in ("train", "val", "test") if cohort.splits.get(split)
    )
    return (
        f"The split that came with the data is kept, so that results can be held against others' (patients: {counts})."
    )
