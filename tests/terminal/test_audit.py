"""What an audit shows in a terminal."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from mmdx.data.audit.audit import Audit
from mmdx.data.audit.issues import Issue
from mmdx.schema import ReportOptions
from mmdx.terminal.audit import show_audit


@pytest.mark.parametrize("width", [40, 80, 200])
def test_an_issue_is_told_whole_at_any_width_and_the_verdict_follows(width: int) -> None:
    sentence = f"{'word ' * 100}give both one patient_id"
    console = Console(file=StringIO(), width=width)
    show_audit(Audit("f", "s", ReportOptions(), (Issue("near copies", "leak", sentence),)), Path("audit.json"), console)
    assert isinstance(console.file, StringIO)
    text = console.file.getvalue()
    told, rest = text.split("\n\n")
    assert told.split() == ["leak", *sentence.split()]
    assert rest.startswith("Verdict: ")
    assert max(map(len, text.splitlines())) <= min(width, 100)
