"""Traits of a study become a row of numbers: the columns are fitted on training studies, the rest is read by them.

A row has one number per column: the trait itself where the column holds numbers, the place of its word among the
column's words where it is a category, NaN where the study lacks it. A word that no training study has is lacking too.
Nothing is standardised here: that is the model's.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from mmdx.data.store.store import Store
from mmdx.data.tables.dates import age_in_years
from mmdx.errors import DataError, UsageError, did_you_mean, some
from mmdx.study import Column, is_fact

MOST_WORDS = 32
"""Words of a category; a column with more is free text, or numbers with a few words among them."""
Traits = Mapping[str, str | float]


@dataclass(frozen=True)
class Table:
    """Reads the traits of a study by its columns."""

    columns: tuple[Column, ...]

    def __call__(self, traits: Traits) -> Float32[np.ndarray, "n d"]:
        """One row; none where every column is lacking, for then the study lacks the modality."""
        row = np.array([[_value(column, traits) for column in self.columns]], dtype=np.float32)
        return row if np.isfinite(row).any() else row[:0]

    def lacking(self, traits: Traits) -> list[str]:
        """The columns that a study lacks, each with its word where that is what is not known."""
        names = [column.name for column in self.columns if math.isnan(_value(column, traits))]
        return [f"{name} ('{traits[name]}' is not known)" if says(traits, name) else name for name in names]


def fit_table(store: Store, rows: Sequence[int], names: Sequence[str], where: str) -> Table:
    """The columns `names` as the studies in `rows` (training) have them. No pixel is read.

    A column holds numbers where each of these studies that has it has a number, which may be text (`63`, `063Y`), and
    else it is a category. Raises `UsageError`, at the place `where`, for a trait that no study of the store has, and
    `DataError` for one that no training study has, or that has too many words.
    """
    traits = [store.read(row).traits() for row in rows]
    empty = [name for name in names if not any(says(told, name) for told in traits)]
    if empty:
        strange = unknown_traits(store, empty, where)
        if strange:
            raise UsageError(strange)
        raise DataError(f"{where}: no training study of {store.folder} has {some(empty)}; leave it out")
    # A study that lacks them all lacks the modality: it tells nothing of gaps in one that is there.
    traits = [told for told in traits if any(says(told, name) for name in names)]
    return Table(
        tuple(_fit(name, [told[name] for told in traits if says(told, name)], len(traits), where) for name in names)
    )


def unknown_traits(store: Store, names: Sequence[str], where: str) -> list[str]:
    """A line, at the place `where`, for each of `names` that no study of the store has. No pixel is read."""
    known = sorted({name for row in range(len(store)) for name in store.read(row).traits() if is_fact(name)})
    return [
        f"{where}: no study has a trait '{name}'; {did_you_mean(name, known)}" for name in names if name not in known
    ]


def _fit(name: str, values: Sequence[str | float], studies: int, where: str) -> Column:
    gaps = len(values) < studies
    numbers = [number for value in values if (number := _number(value)) is not None]
    if len(numbers) == len(values):
        return Column(name, float(np.mean(numbers)), float(np.std(numbers)) or 1.0, gaps=gaps)
    counts = Counter(_word(value) for value in values)
    if len(counts) > MOST_WORDS:
        words = [str(value) for value in values if _number(value) is None]
        raise DataError(
            f"{where}: '{name}' has {len(counts)} different values in training, {len(set(words))} of them no numbers "
            f"('{words[0]}'); a category has up to {MOST_WORDS}: correct them in the source, or leave it out"
        )
    words = tuple(sorted(counts))
    return Column(name, words=words, shares=tuple(counts[word] / len(values) for word in words), gaps=gaps)


def _value(column: Column, traits: Traits) -> float:
    if not says(traits, column.name):
        return math.nan
    value = traits[column.name]
    if column.words:
        word = _word(value)
        return float(column.words.index(word)) if word in column.words else math.nan
    number = _number(value)
    return math.nan if number is None else number


def says(traits: Traits, name: str) -> bool:
    """Whether a study has the trait: one that is empty, or not a number as NaN is, it has not."""
    value = traits.get(name, "")
    return bool(value.strip()) if isinstance(value, str) else math.isfinite(value)


def _number(value: str | float) -> float | None:
    """The finite number that a value is or spells out, an age in years; None for any other text."""
    if not isinstance(value, str):
        return float(value)
    try:
        number = float(value)
    except ValueError:
        return age_in_years(value.strip())
    return number if math.isfinite(number) else None


def _word(value: str | float) -> str:
    """A category as it is compared: case and white space do not matter, and 1 is 1.0."""
    return " ".join(value.split()).casefold() if isinstance(value, str) else f"{value:g}"
