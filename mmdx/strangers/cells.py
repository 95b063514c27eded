"""Cells of the tables that people open: what a spreadsheet would run as a formula stays text.

A spreadsheet runs a cell that begins with =, +, -, @, a tab or a line break. Such a text is written with an apostrophe
before it, which a spreadsheet takes for "this is text" (OWASP, CSV injection); a number stays as it is.
"""

from __future__ import annotations

import re

import pandas as pd

_RUN = re.compile(r"'*[=+\-@\t\r\n]")
_MARKED = re.compile(r"'+[=+\-@\t\r\n]")


def cell_of(text: str) -> str:
    """The cell that shows `text`, whatever it begins with."""
    return f"'{text}" if _RUN.match(text) and not _is_number(text) else text


def text_of(cell: str) -> str:
    """The text that `cell_of` was given."""
    return cell[1:] if _MARKED.match(cell) and not _is_number(cell[1:]) else cell


def cells_of(table: pd.DataFrame) -> pd.DataFrame:
    """`table` with each text as its cell; what is no text stays."""
    return table.map(lambda value: cell_of(value) if isinstance(value, str) else value)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
