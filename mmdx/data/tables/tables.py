"""CSV and JSON Lines tables that come with a data set, read whole, with every refusal at its row and column.

Rows are numbered as a spreadsheet shows them: in a CSV the header is row 1; in JSON Lines the first line is.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mmdx.data.files import MOST_TEXT, composed, decoded
from mmdx.errors import DataError, did_you_mean, reason
from mmdx.files import written
from mmdx.strangers.bounded import read_bytes

Separator = Literal[",", ";", "tab", "|"]
"""What stands between the cells of a CSV."""

MOST_TABLE = 2**29
"""The largest table that is read whole, in bytes."""
_TOO_LONG = f"a cell has more than {MOST_TEXT:,} characters; is a quote left open? else shorten it"


@dataclass(frozen=True)
class Row:
    """One row: its cells by column (CSV cells are text, JSON cells are values), and where it stands."""

    where: str
    cells: Mapping[str, Any]

    def at(self, column: str) -> str:
        """The place of a cell, as errors name it."""
        return f"{self.where}, column '{column}'"

    def text(self, column: str) -> str:
        """A cell as text without the white space around it, accents joined to their letters; empty where the cell is
        missing, empty or null."""
        cell = self.cells.get(column)
        if cell is None:
            return ""
        if isinstance(cell, list | dict | bool):
            raise DataError(f"{self.at(column)}: expected text, found {json.dumps(cell)}")
        return composed(str(cell).strip())

    def fact(self, column: str) -> str | float | None:
        """A cell as a finite number where it is one (true is 1, false 0), else as text; None where empty or NaN."""
        cell = self.cells.get(column)
        text = str(int(cell)) if isinstance(cell, bool) else self.text(column)
        try:
            number = float(text or "nan")
        except ValueError:
            return text
        return None if math.isnan(number) else number if math.isfinite(number) else text


@dataclass(frozen=True)
class Table:
    """A table: its file, its columns in order, its rows."""

    path: Path
    columns: tuple[str, ...]
    rows: tuple[Row, ...]

    def require(self, columns: Sequence[str]) -> None:
        """Raises `DataError` with a line for each of `columns` that the table does not have."""
        missing = [name for name in columns if name not in self.columns]
        if missing:
            lines = [f"{self.path}: no column '{name}'; {did_you_mean(name, self.columns)}" for name in missing]
            raise DataError(lines)


def read_table(
    path: Path, *, required: Sequence[str] = (), separator: Separator = ",", encoding: str = "utf-8"
) -> Table:
    """The table in a `.csv` or `.jsonl` file; white space within a CSV column's name is folded to one space.

    `separator` stands between the cells of a CSV. A byte order mark tells the encoding before `encoding` does. Raises
    `DataError` for a file that is missing, empty or of another encoding, for a row that does not fit the header or is
    no JSON object, for a cell of more than `MOST_TEXT` characters, for a column named twice, and for a `required`
    column that is not there.
    """
    try:
        text = decoded(read_bytes(path, most=MOST_TABLE), encoding)
    except FileNotFoundError:
        raise DataError(f"{path}: no such table; put it there or correct the path") from None
    except LookupError:
        raise DataError(f"{path}: encoding '{encoding}' is none; say utf-8, latin-1, cp1252 or utf-16") from None
    except UnicodeError as error:
        at = f" at byte {error.start}" if isinstance(error, UnicodeDecodeError) else ""
        instead = "save the table as UTF-8, or say its encoding, as encoding=latin-1 does"
        raise DataError(f"{path}: not {encoding.upper()}{at}; {instead}") from None
    table = _json_lines(path, text) if path.suffix.lower() == ".jsonl" else _csv(path, text, separator)
    if not table.rows:
        raise DataError(f"{path}: has no rows; add one per study")
    table.require(required)
    return table


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Writes a CSV, the file whole or not at all."""
    with written(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def _csv(path: Path, text: str, separator: Separator) -> Table:
    delimiter = "\t" if separator == "tab" else separator
    records: list[list[str]] = []
    csv.field_size_limit(MOST_TEXT)  # of the whole process; Python's own is 131,072
    try:
        records.extend(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        where = f"{path}, row {len(records) + 1}"
        if "field limit" in str(error):
            raise DataError(f"{where}: {_TOO_LONG}") from None
        raise DataError(f"{where}: not CSV: {error}; correct the quotes or use JSON Lines") from None
    if not any(records):
        raise DataError(f"{path}: is empty; the first row names the columns")
    columns = [composed(" ".join(name.split())) for name in records[0]]
    others = {";": ";", "\t": "tab", "|": "|", ",": ","}
    other = next((name for mark, name in others.items() if any(mark in cell for cell in records[0])), None)
    if len(columns) == 1 and other is not None:
        mark = "comma" if separator == "," else f"'{separator}'"
        raise DataError(
            f"{path}: the header has no {mark}; save the table with commas between columns, or say separator='{other}'"
        )
    twice = _first_twice(name for name in columns if name)
    if twice is not None:
        raise DataError(f"{path}: column '{twice}' stands twice in the header; rename one")
    rows = []
    for number, record in enumerate(records[1:], start=2):
        where = f"{path}, row {number}"
        if not any(cell.strip() for cell in record):
            continue
        if len(record) != len(columns):
            raise DataError(f"{where}: {len(record)} cells under {len(columns)} columns; quote cells that hold commas")
        cells = dict(zip(columns, record, strict=True))
        rows.append(Row(where, {name: cell for name, cell in cells.items() if name}))
    return Table(path, tuple(name for name in columns if name), tuple(rows))


def _json_lines(path: Path, text: str) -> Table:
    rows: list[Row] = []
    columns: dict[str, None] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        where = f"{path}, row {number}"
        if not line.strip():
            continue
        try:
            cells = json.loads(line, object_pairs_hook=lambda pairs, where=where: _unique(pairs, where))
        except json.JSONDecodeError as error:
            raise DataError(
                f"{where}: not JSON at character {error.pos + 1}: {error.msg}; one object per line"
            ) from None
        except RecursionError:
            raise DataError(f"{where}: nested too deep; one flat object per line") from None
        except ValueError as error:
            raise DataError(f"{where}: {reason(error)}; write what it holds as text") from None
        if not isinstance(cells, dict):
            raise DataError(f'{where}: expected an object such as {{"file_name": …}}, found {type(cells).__name__}')
        if any(isinstance(cell, str) and len(cell) > MOST_TEXT for cell in cells.values()):
            raise DataError(f"{where}: {_TOO_LONG}")
        columns |= dict.fromkeys(cells)
        rows.append(Row(where, cells))
    return Table(path, tuple(columns), tuple(rows))


def _unique(pairs: list[tuple[str, Any]], where: str) -> dict[str, Any]:
    pairs = [(composed(name), cell) for name, cell in pairs]
    twice = _first_twice(name for name, _ in pairs)
    if twice is not None:
        raise DataError(f"{where}, column '{twice}': stands twice in the object; keep one")
    return dict(pairs)


def _first_twice(names: Iterable[str]) -> str | None:
    """The first name that stood before, None where each stands once."""
    seen: set[str] = set()
    return next((name for name in names if name in seen or seen.add(name)), None)
