"""Labels as people write them: what one cell states, and which columns of a table hold labels.

A label is 1.0, 0.0 or NaN (nobody looked). Nothing is guessed: a cell that is none of these is refused where it stands.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real

from mmdx.data.tables.label_hints import label_hint, quoted
from mmdx.data.tables.tables import Table
from mmdx.errors import DataError
from mmdx.study import UNKNOWN

_UNCERTAIN = ("-1", "-1.0")
_WORDS = {"1": 1.0, "1.0": 1.0, "true": 1.0, "0": 0.0, "0.0": 0.0, "false": 0.0, "": UNKNOWN, "nan": UNKNOWN}


def parse_label(cell: object, where: str) -> float:
    """The label that one cell states: 1.0, 0.0, or NaN for an empty one.

    Accepts 0, 1, 0.0, 1.0, True, False, None and NaN, as values or as text with spaces around. Raises `DataError` for
    anything else, naming the place `where`.
    """
    if cell is None:
        return UNKNOWN
    if isinstance(cell, str):
        label = _WORDS.get(cell.strip().lower())
        if label is not None:
            return label
    elif isinstance(cell, Real) or type(cell).__name__ in ("bool", "bool_"):
        if cell in (0, 1):
            return float(cell)  # type: ignore[arg-type]
        if cell != cell:  # NaN; a whole number may be too long for a float
            return UNKNOWN
    hint = ", the mark of an uncertain one in some data sets" if _is_uncertain(cell) else ""
    raise DataError(f"{where}: label is {str(cell)!r}{hint}; use 1, 0 or leave it empty for unknown")


def words_of(table: Table, column: str) -> str:
    """The option that says what the words of a column mean, to be filled in where that is not plain."""
    cells = [row.cells.get(column) for row in table.rows]
    return label_hint(column, cells) or f"labels={{{quoted(column)}: {{WORD: 1, WORD: 0, WORD: null}}}}"


def label_columns(table: Table, columns: Sequence[str]) -> tuple[str, ...]:
    """Those of `columns` that hold labels: where at least half of the filled cells are 1 or 0.

    A -1, in some data sets an uncertain label, counts as one of these here. Raises `DataError` for the first other
    value in such a column, -1 included: it is a mistake or the column holds no labels, and only the user knows which.
    """
    names = tuple(column for column in columns if _holds_labels(table, column))
    for column in names:
        for row in table.rows:
            try:
                parse_label(row.cells.get(column), row.at(column))
            except DataError as error:
                raise DataError(
                    f"{error}; if '{column}' is no label, name those that are: findings=[…], or say what its words "
                    f"mean: {words_of(table, column)}"
                ) from None
    return names


def _holds_labels(table: Table, column: str) -> bool:
    certain = uncertain = other = 0
    for row in table.rows:
        cell = row.cells.get(column)
        try:
            label = parse_label(cell, "")
        except DataError:
            uncertain += _is_uncertain(cell)
            other += not _is_uncertain(cell)
        else:
            certain += not math.isnan(label)
    return certain > 0 and certain + uncertain >= other


def _is_uncertain(cell: object) -> bool:
    return str(cell).strip() in _UNCERTAIN
