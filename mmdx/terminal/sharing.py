"""What left mmdx: each file with its size, and what its owner should read."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console
from rich.filesize import decimal
from rich.table import Table
from rich.text import Text

from mmdx.engine.export.export import Exported
from mmdx.engine.sharing.push import Pushed


def show_pushed(pushed: Pushed, console: Console) -> None:
    """Prints the files, the notes, and where they are now."""
    console.print(_files(pushed.files))
    for note in pushed.notes:
        console.print(f"note: {note}", markup=False, highlight=False, soft_wrap=True)
    who = "everybody" if pushed.public else "you alone"
    done = "nothing was pushed (--dry-run)" if pushed.address is None else f"pushed to {pushed.address}"
    would = "would read" if pushed.address is None else "can read"
    console.print(f"{done}; {who} {would} {pushed.repository}", markup=False, highlight=False, soft_wrap=True)


def show_exported(exported: Exported, console: Console) -> None:
    """Prints the files, what is fed and what is not, and how far the answers are from those of mmdx."""
    console.print(_files(exported.files))
    lines = [f"fed: {', '.join(exported.inputs)}"]
    lines += [f"always absent: {', '.join(exported.absent)}"] if exported.absent else []
    lines.append(f"largest difference to mmdx predict, over random studies: {exported.difference:.2g}")
    lines.append(f"exported to {exported.folder}; manifest.json says what it is to be fed")
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _files(files: Mapping[str, int]) -> Table:
    table = Table("file", "size")
    for name, size in files.items():
        table.add_row(Text(name), decimal(size))
    return table
