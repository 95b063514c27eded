"""What `mmdx list` shows."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mmdx.engine.assembly.parts import PartRow


def show_parts(rows: Sequence[PartRow], console: Console) -> None:
    """Prints one table per kind of part, with a row per part."""
    for kind, group in groupby(rows, key=lambda row: row.kind):
        table = Table("name", "what it is", "options", title=kind, title_justify="left", show_lines=True, expand=True)
        for row in group:
            options = "\n".join(f"{option}={default}" for option, default in row.options.items())
            table.add_row(row.name, escape(row.summary), escape(options))
        console.print(table)
