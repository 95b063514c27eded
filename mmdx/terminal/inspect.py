"""What `mmdx inspect` shows of raw studies: their order certificates, and every problem."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from rich.cells import cell_len, set_cell_size
from rich.console import Console, Group
from rich.padding import Padding
from rich.text import Text

from mmdx.data.tables.table_columns import ColumnUse
from mmdx.engine.intake.inspect import Inspection
from mmdx.errors import one_line
from mmdx.study import PATIENTS_UNKNOWN

COLUMNS = ("study", "modality", "images", "order", "mm", "gaps", "doubles", "turned")
_NUMBERS = ("images", "mm")
_MOST_PROBLEMS = 5
_SHARED = 3
_INDENT = (0, 0, 0, 4)


def leave_inspection(inspection: Inspection, source: str, path: Path | None, console: Console) -> None:
    """Shows an inspection (None), prints its JSON (`-`), or writes that to `path`; `source` says what was read."""
    if path is None:
        print(one_line(source), file=sys.stderr)
        show_inspection(inspection, console)
        return
    if str(path) == "-":
        print(inspection.to_json(), end="")
    else:
        inspection.save(path)
        print(f"{path}: {len(inspection.rows)} rows", flush=True)
    print(one_line(f"{source}: {summary(inspection.rows)}"), file=sys.stderr)


def show_inspection(inspection: Inspection, console: Console) -> None:
    """Prints one line per study and modality, below each study what is wrong with it, and the columns of a table."""
    console.print(table(inspection.rows, width=console.width))
    lines = column_lines(inspection.columns)
    if inspection.patients_unknown and len({row["study_id"] for row in inspection.rows}) > 1:
        lines.append(f"{PATIENTS_UNKNOWN}; {inspection.patients_unknown} studies count as a patient each (patient_id)")
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def column_lines(columns: Sequence[ColumnUse]) -> list[str]:
    """Two lines or less per column: what it is taken for and what it holds, and below, what else it may be."""
    if not columns:
        return []
    names = max(*(cell_len(column.column) for column in columns), len("column"))
    roles = max(*(cell_len(column.role) for column in columns), len("taken as"))
    lines = ["", f"{'column':{names}}  {'taken as':{roles}}  holds"]
    for column in columns:
        padded = set_cell_size(column.column, names), set_cell_size(column.role, roles)
        lines.append(one_line(f"{padded[0]}  {padded[1]}  {column.holds}"))
        lines += [one_line(f"    {column.hint}")] if column.hint else []
    if not any(column.role in ("finding", "group") for column in columns):
        lines.append("no finding in it: nothing to learn or to score; a label is 1, 0 or empty, or 'labels' says more")
    return lines


def table(rows: Sequence[Mapping[str, Any]], *, width: int = 80) -> Group:
    """The rows for a terminal of `width` columns: one line per modality, below each study what is wrong with it.

    `mm` is the spacing; `gaps` and `doubles` are a count and the first of the images (see `mmdx.study.Order`); `turned`
    says where rows and columns run, and where to they are turned for display. Long names lose their middle. A problem
    that three studies or more share stands once, below the last; `summary` ends it.
    """
    rows = [
        {**row, "study_id": one_line(row["study_id"]), "problems": [one_line(problem) for problem in row["problems"]]}
        for row in rows
    ]
    shared = _shared_problems(rows)
    lines = _lines(rows, width)
    parts: list[Text | Padding] = [Text(lines[0], style="bold")]
    at = 1
    for own in (list(group) for _, group in groupby(rows, key=lambda row: row["study_id"])):
        parts += [Text(line) for line in lines[at : at + len(own)]]
        at += len(own)
        problems = [text for text in _problems(own[0]) if text not in shared]
        more = len(problems) - _MOST_PROBLEMS
        rest = [f"+{more} more (see --json)"] if more > 0 else []
        parts += [Padding(Text(line), _INDENT, expand=False) for line in (*problems[:_MOST_PROBLEMS], *rest)]
    parts.append(Text())
    for problem, names in shared.items():
        some = ", ".join(_middle(name, 24) for name in names[:2])
        parts.append(Text(f"{len(names)} studies: {problem} ({some}, …)"))
    return Group(*parts, Text(summary(rows)))


def summary(rows: Sequence[Mapping[str, Any]]) -> str:
    """Studies, patients and images, how many image modalities are ordered by what, and how many studies are refused."""
    sources = Counter(row["order_source"] for row in rows if row["order_source"])
    order = ", ".join(f"{source} {count}" for source, count in sources.most_common()) or "none"
    counts = {
        "studies": len({row["study_id"] for row in rows}),
        "patients": len({row["patient_id"] for row in rows} - {""}),
        "images": sum(row["images"] for row in rows),
        "order": order,
        "refused": sum(not row["modality"] for row in rows),
    }
    return " · ".join(f"{name} {count}" for name, count in counts.items())


def _shared_problems(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """The studies of each problem that three or more have, the most frequent first."""
    studies: dict[str, dict[str, None]] = {}
    for row in rows:
        for problem in _problems(row):
            studies.setdefault(problem, {})[row["study_id"]] = None
    repeated = {problem: list(names) for problem, names in studies.items() if len(names) >= _SHARED}
    return dict(sorted(repeated.items(), key=lambda item: -len(item[1])))


def _problems(row: Mapping[str, Any]) -> list[str]:
    """A file that is a study of its own needs no second naming."""
    return [problem.removeprefix(f"{row['study_id']}: ") for problem in row["problems"]]


def _lines(rows: Sequence[Mapping[str, Any]], width: int) -> list[str]:
    """Header and rows in aligned columns; those that are empty throughout are left out."""
    cells = [_cells(row, before) for row, before in zip(rows, [None, *rows], strict=False)]
    shown = [name for i, name in enumerate(COLUMNS) if i < 4 or any(row[name] for row in cells)]
    table = [dict(zip(COLUMNS, COLUMNS, strict=True)), *cells]
    widths = {name: max(cell_len(row[name]) for row in table) for name in shown}
    left = width - sum(widths[name] + 2 for name in shown[1:])
    widths["study"] = min(widths["study"], max(left, len("study")))
    lines = []
    for row in table:
        row["study"] = _middle(row["study"], widths["study"])
        aligned = [_aligned(row[name], widths[name], right=name in _NUMBERS) for name in shown]
        lines.append("  ".join(aligned).rstrip())
    return lines


def _cells(row: Mapping[str, Any], before: Mapping[str, Any] | None) -> dict[str, str]:
    again = before is not None and before["study_id"] == row["study_id"]
    cells = ["" if again else row["study_id"], _middle(row["modality"], 16)]
    if row["order_source"]:
        cells += [str(row["images"]), row["order_source"]]
    else:
        cells += [row["kind"], "" if row["modality"] else "refused"]
    cells.append("" if row["spacing_mm"] is None else f"{row['spacing_mm']:.4g}")
    cells += [_places(row["gaps"]), _places(row["duplicates"]), row["turned"]]
    return dict(zip(COLUMNS, cells, strict=True))


def _places(indices: Sequence[int]) -> str:
    first = ", ".join(map(str, indices[:3])) + (" …" if len(indices) > 3 else "")
    return f"{len(indices)}: {first}" if indices else ""


def _aligned(cell: str, width: int, *, right: bool) -> str:
    return " " * (width - cell_len(cell)) + cell if right else set_cell_size(cell, width)


def _middle(name: str, width: int) -> str:
    """`name` without its middle where it is too long; the end, which tells identifiers apart, keeps the larger part."""
    if cell_len(name) <= width:
        return name
    head = (width - 1) // 4
    return f"{name[:head]}…{name[head + 1 - width :]}"
