"""What each column of a table is taken for, and what of it a person should know before anything is trained.

A column is a label (finding), a class (group of findings), a trait, a report, the images of a modality, the split, an
identifier, a date, or ignored.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from mmdx.data.tables.label_hints import label_hint, shares
from mmdx.data.tables.labels import parse_label
from mmdx.data.tables.split_words import SPLIT_WORDS
from mmdx.data.tables.tables import Row, Table
from mmdx.data.tables.word_labels import WordLabels, folded_word, is_empty, text_of
from mmdx.errors import DataError

LONG_TEXT = 60
"""Characters from which on the words of a column are taken for prose: a report, maybe."""


@dataclass(frozen=True)
class ColumnUse:
    """A column as it is taken: its `role` in a word or two, what it `holds`, and as a `hint` what else it may be."""

    column: str
    role: str
    holds: str
    hint: str = ""


def column_uses(
    table: Table, roles: Mapping[str, str], findings: Sequence[str], words: Mapping[str, WordLabels]
) -> list[ColumnUse]:
    """Every column of `table`, in its order: a label, one of `words`, or what `roles` says.

    Traits, and what is ignored, may have been meant otherwise, which their hint says.
    """
    return [_use(table, column, roles, findings, words) for column in table.columns]


def _use(
    table: Table, column: str, roles: Mapping[str, str], findings: Sequence[str], words: Mapping[str, WordLabels]
) -> ColumnUse:
    cells = [row.cells.get(column) for row in table.rows]
    if column in words:
        role = "group" if words[column].classes else "finding"
        return ColumnUse(column, role, _said(table.rows, words[column]))
    if column in findings:
        labels = [parse_label(row.cells.get(column), row.at(column)) for row in table.rows]
        return ColumnUse(column, "finding", _counts(labels))
    role = roles[column]
    if role == "text":
        return ColumnUse(column, role, _lengths(cells))
    if role == "split" or (role == "trait" and not _is_numeric(table, column)):
        hint = _hint(column, cells) if role == "trait" else ""
        return ColumnUse(column, role, _lengths(cells) if _is_prose(cells) else _shared(cells), hint)
    if role == "trait":
        return ColumnUse(column, role, _range(table, column), _hint(column, cells))
    return ColumnUse(column, role, _filled(cells), _hint(column, cells) if role == "ignored" else "")


def _hint(column: str, cells: Sequence[object]) -> str:
    """What a trait may have been meant for."""
    if _is_prose(cells):
        return "long text; a report is read from the column 'report'"
    words = {folded_word(cell) for cell in cells} - {""}
    if len(words) > 1 and words <= set(SPLIT_WORDS) and "train" in {SPLIT_WORDS[word] for word in words}:
        return "looks like splits, which are read from the column 'split'"
    option = label_hint(column, cells)
    return f"a label? '{option}'" if option else ""


def _said(rows: Sequence[Row], words: WordLabels) -> str:
    labels = [words.of(row) for row in rows]
    if not words.classes:
        return _counts([label[words.column] for label in labels])
    counts = [f"{name} {sum(label[f'{words.column}/{name}'] == 1 for label in labels)}" for name in words.classes]
    empty = sum(all(math.isnan(value) for value in label.values()) for label in labels)
    return ", ".join([*counts, *([f"empty {empty}"] if empty else [])])


def _counts(labels: Sequence[float]) -> str:
    return f"1: {labels.count(1.0)}, 0: {labels.count(0.0)}, empty: {sum(math.isnan(label) for label in labels)}"


def _filled(cells: Sequence[object]) -> str:
    texts = [text_of(cell) for cell in cells]
    empty = texts.count("")
    return f"{len(set(texts) - {''})} different" + (f", empty {empty}" if empty else "")


def _shared(cells: Sequence[object]) -> str:
    empty = sum(is_empty(folded_word(cell)) for cell in cells)
    return ", ".join([part for part in (shares(cells), f"empty {empty}" if empty else "") if part])


def _lengths(cells: Sequence[object]) -> str:
    lengths = [len(text) for cell in cells if (text := text_of(cell))]
    empty = len(cells) - len(lengths)
    if not lengths:
        return f"empty {empty}"
    found = f"{len(lengths)} of {min(lengths)} to {max(lengths)} characters, median {median(lengths):g}"
    return found + (f", empty {empty}" if empty else "")


def _range(table: Table, column: str) -> str:
    numbers = [fact for row in table.rows if isinstance(fact := row.fact(column), float)]
    empty = len(table.rows) - len(numbers)
    if not numbers:
        return f"empty {empty}"
    return f"{min(numbers):g} to {max(numbers):g}" + (f", empty {empty}" if empty else "")


def _is_numeric(table: Table, column: str) -> bool:
    try:
        return not any(isinstance(row.fact(column), str) for row in table.rows)
    except DataError:  # a list, which is no fact
        return False


def _is_prose(cells: Sequence[object]) -> bool:
    lengths = [len(text) for cell in cells if (text := text_of(cell))]
    return bool(lengths) and median(lengths) >= LONG_TEXT
