"""What was pushed to the Hub, or would be: each file with its size, and what its owner should read."""

from __future__ import annotations

from rich.console import Console
from rich.filesize import decimal
from rich.table import Table
from rich.text import Text

from mmdx.engine.sharing.push import Pushed


def show_pushed(pushed: Pushed, console: Console) -> None:
    """Prints the files, the notes, and where they are now."""
    table = Table("file", "size")
    for name, size in pushed.files.items():
        table.add_row(Text(name), decimal(size))
    console.print(table)
    for note in pushed.notes:
        console.print(f"note: {note}", markup=False, highlight=False, soft_wrap=True)
    who = "everybody" if pushed.public else "you alone"
    done = "nothing was pushed (--dry-run)" if pushed.address is None else f"pushed to {pushed.address}"
    would = "would read" if pushed.address is None else "can read"
    console.print(f"{done}; {who} {would} {pushed.repository}", markup=False, highlight=False, soft_wrap=True)
