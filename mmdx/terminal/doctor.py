"""What `mmdx doctor` shows: a line for each thing that was looked for, and the command that brings what is missing."""

from __future__ import annotations

from itertools import groupby

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mmdx.engine.planning.doctor import Checked, Checkup


def show_checkup(found: Checkup, console: Console) -> None:
    """Shows what was found by area, and last whether mmdx works as it is."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(min_width=14)
    table.add_column(overflow="fold")
    for area, checked in groupby(found.checked, key=lambda one: one.area):
        for number, one in enumerate(checked):
            table.add_row(Text(area if number == 0 else "", "bold"), Text(one.what), _found(one))
    console.print(table)
    wanting = [one for one in found.checked if one.broken]
    verdict = (
        "mmdx works on this machine"
        if found.sound
        else f"mmdx cannot work: {len(wanting)} package(s) missing or too old"
    )
    console.print(f"\n{verdict}", markup=False, highlight=False)


def _found(one: Checked) -> Text:
    remedy = f"\n{one.remedy}" if one.remedy else ""
    return Text.assemble(one.found, (remedy, "bold red" if one.broken else "bold yellow"))
