"""What `mmdx list` shows of registered parts."""

from __future__ import annotations

from rich.console import Console

from mmdx.engine.assembly.parts import PartRow
from mmdx.terminal.parts import show_parts


def test_one_table_per_kind_with_options_as_they_are_written() -> None:
    rows = [
        PartRow("fusions", "gated", "A gate per modality [b m].", {"dropout": "0.1"}),
        PartRow("heads", "study", "One answer per study.", {}),
    ]
    console = Console(width=80, record=True, quiet=False, file=None)
    with console.capture() as captured:
        show_parts(rows, console)
    text = captured.get()
    assert text.index("fusions") < text.index("gated") < text.index("heads")
    assert "dropout=0.1" in text
    assert "[b m]" in text
    assert max(map(len, text.splitlines())) <= 80
