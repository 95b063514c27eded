"""Folds by site: each tests the patients of one hospital, or scanner, by a model that has seen none of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from mmdx.errors import DataError, some

FEWEST_PATIENTS = 10
"""Patients of a site below which it is joined with others: of fewer, hardly any figure has an interval."""

Trait = str | float | None


def site_folds(
    patient_ids: Sequence[str], traits: Sequence[Trait], *, name: str
) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """The fold of each study, and what the site of each fold is called; folds stand in the order of their names.

    `traits` are the values of the trait `name`, one per study. Sites of fewer than `FEWEST_PATIENTS` patients are
    joined into one fold, called by all their names; where these are too few together, the smallest other site joins.
    Raises `DataError` where a study has no value, a patient has studies of two sites, or fewer than two folds are left.
    """
    where = f"data.folds.by={name}"
    missing = [patient for patient, trait in zip(patient_ids, traits, strict=True) if trait in (None, "")]
    if len(missing) == len(traits):
        raise DataError(f"{where}: no study has such a trait; give the name of one (mmdx inspect shows them)")
    if missing:
        raise DataError(f"{where}: {len(missing)} of {len(traits)} studies have none; fill it in, or leave them out")
    sites = [f"{trait:.15g}" if isinstance(trait, float) else str(trait) for trait in traits]
    by_patient: dict[str, set[str]] = {}
    for patient, site in zip(patient_ids, sites, strict=True):
        by_patient.setdefault(patient, set()).add(site)
    several = sorted(patient for patient, own in by_patient.items() if len(own) > 1)
    if several:
        named = some([f"'{patient}'" for patient in several])
        raise DataError(
            f"{where}: {len(several)} patients have studies of several sites ({named}), which would be learned from "
            "and tested; keep the studies of one, or give them one value"
        )
    groups = _joined(Counter(next(iter(own)) for own in by_patient.values()))
    if len(groups) < 2:
        raise DataError(
            f"{where}: {len(set(sites))} values make {len(groups)} fold of {FEWEST_PATIENTS} patients or more, and two "
            "are needed; take data.folds without by"
        )
    fold_of = {site: fold for fold, group in enumerate(groups) for site in group}
    return tuple(fold_of[site] for site in sites), tuple(" + ".join(group) for group in groups)


def _joined(patients: Counter[str]) -> list[list[str]]:
    """The sites of each fold: each by itself, but for small ones."""
    small = [site for site in sorted(patients) if patients[site] < FEWEST_PATIENTS]
    large = sorted((site for site in patients if site not in small), key=lambda site: (patients[site], site))
    while small and large and sum(patients[site] for site in small) < FEWEST_PATIENTS:
        small.append(large.pop(0))
    return sorted([*([sorted(small)] if small else []), *([site] for site in large)])
