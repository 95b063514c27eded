"""One section of a comparison, as a terminal shows it."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from mmdx.stats.report.section import Section
from mmdx.stats.report.terminal import sheet_table


def show_section(section: Section, console: Console) -> None:
    """Its tables, then its sentences, then its notes."""
    for sheet in section.sheets:
        console.print(sheet_table(sheet))
        console.print()
    for sentence in section.sentences:
        console.print(Text(sentence))
    console.print()
    for note in section.notes:
        console.print(Text(note, style="dim"))
