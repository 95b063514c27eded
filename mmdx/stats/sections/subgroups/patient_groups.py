"""Groups of patients by a fact of their studies: words by value, numbers in at most four, absent ones by themselves."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Bool, Int

from mmdx.stats.report.words import counted, listed

FEWEST_IN_GROUP = 10
"""Patients that a group must have."""
MOST_NUMBERS = 4
"""Groups that numbers are dealt into, and distinct numbers up to which each is a group of its own."""
MOST_GROUPS = 8
"""Groups of words, the largest first; the rest are joined."""
OTHER, ABSENT = "other", "absent"


@dataclass(frozen=True)
class Grouping:
    """The groups of one trait, by name; `notes` say which values were joined or left out."""

    trait: str
    groups: Mapping[str, Bool[np.ndarray, "n"]]
    notes: tuple[str, ...] = ()


def group_by(trait: str, values: pd.Series, patients: Int[np.ndarray, "n"]) -> Grouping:
    """The rows in groups of at least ten patients each; a patient with rows of several values counts in each group.

    Small groups become `other`, or are left out where they are too few together. Blank values and numbers that are not
    finite are absent.
    """
    words = np.array([_word(value) for value in values], dtype=object)
    absent = words == ""
    numbers = np.array([_number(word) for word in words])
    distinct = np.unique(numbers[~np.isnan(numbers)])
    if np.isnan(numbers[~absent]).any():
        groups = {str(word): words == word for word in sorted(set(words[~absent]))}
    elif len(distinct) > MOST_NUMBERS:
        groups = _quantiles(numbers, patients)
    else:
        groups = {_text(value): numbers == value for value in distinct}
    joined, notes = _joined(groups, patients)
    if absent.any():
        if _patients(absent, patients) >= FEWEST_IN_GROUP:
            joined[ABSENT] = absent | joined.get(ABSENT, np.zeros_like(absent))
        else:
            notes.append(f"{counted(_patients(absent, patients), 'patient')} without it left out")
    return Grouping(trait, joined, tuple(notes))


def _quantiles(numbers: np.ndarray, patients: Int[np.ndarray, "n"]) -> dict[str, Bool[np.ndarray, "n"]]:
    """Quarters of the patients, or thirds or halves where they are few; equal numbers stay together."""
    present = ~np.isnan(numbers)
    values = np.unique(np.column_stack([patients[present], numbers[present]]), axis=0)[:, 1]
    count = max(1, min(MOST_NUMBERS, len(values) // FEWEST_IN_GROUP))
    edges = np.unique(np.quantile(values, np.arange(1, count) / count, method="inverted_cdf"))
    place = np.where(present, np.searchsorted(edges, numbers, "left"), -1)
    groups = {}
    for part in np.unique(place[present]):
        low, high = numbers[place == part].min(), numbers[place == part].max()
        groups[_text(low) if low == high else f"{_text(low)} to {_text(high)}"] = place == part
    return groups


def _joined(
    groups: Mapping[str, Bool[np.ndarray, "n"]], patients: Int[np.ndarray, "n"]
) -> tuple[dict[str, Bool[np.ndarray, "n"]], list[str]]:
    sizes = {name: _patients(rows, patients) for name, rows in groups.items()}
    large = [name for name in groups if sizes[name] >= FEWEST_IN_GROUP]
    largest = sorted(large, key=lambda name: -sizes[name])
    largest = largest[:MOST_GROUPS] if len(groups) <= MOST_GROUPS else largest[: MOST_GROUPS - 1]
    groups_left = {name: rows for name, rows in groups.items() if name in largest}
    small = [name for name in groups if name not in groups_left]
    if not small:
        return groups_left, []
    rest = np.any([groups[name] for name in small], axis=0)
    total = _patients(rest, patients)
    named = listed(small) if len(small) <= 6 else f"{len(small)} values"
    if total < FEWEST_IN_GROUP:
        return groups_left, [f"{named} left out ({counted(total, 'patient')})"]
    if len(small) == 1:
        return groups_left | {small[0]: rest}, []
    groups_left[OTHER] = rest | groups_left.get(OTHER, np.zeros_like(rest))
    return groups_left, [f"{named} joined to '{OTHER}'"]


def _word(value: object) -> str:
    """The value as text, empty where it is absent."""
    if value is None or value is pd.NA or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    return str(value).strip()


def _number(word: str) -> float:
    """The number that a word is, NaN where it is none."""
    try:
        number = float(word)
    except ValueError:
        return math.nan
    return number if math.isfinite(number) else math.nan


def _patients(rows: Bool[np.ndarray, "n"], patients: Int[np.ndarray, "n"]) -> int:
    return len(np.unique(patients[rows]))


def _text(value: float) -> str:
    return f"{value:.0f}" if value == round(value) else f"{value:.4g}"
