"""One section in a terminal."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from mmdx.stats.report.section import Section
from mmdx.stats.report.tables import Sheet
from mmdx.terminal.sections import show_section


def test_tables_then_sentences_then_notes():
    console = Console(file=StringIO(), width=80)
    sheet = Sheet("A table", ("model", "AUROC"), (("fused [red]", "0.912 [0.874, 0.946]"),))
    show_section(Section("k", "t", ("Found.",), (sheet,), (), ("Noted.",)), console)
    lines = [line.strip() for line in console.file.getvalue().splitlines()]
    assert [lines.index(word) for word in ("A table", "Found.", "Noted.")] == sorted(
        lines.index(word) for word in ("A table", "Found.", "Noted.")
    )
    assert any(line.startswith("fused [red]") for line in lines)
