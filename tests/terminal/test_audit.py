"""What an audit shows in a terminal."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

from rich.console import Console

from mmdx.data.audit.audit import Audit
from mmdx.data.audit.issues import Issue
from mmdx.schema import ReportOptions
from mmdx.terminal.audit import show_audit


def test_an_issue_takes_two_lines_at_most_and_the_verdict_follows() -> None:
    issue = Issue("identical images", "leak", "word " * 100)
    console = Console(file=StringIO(), width=200)
    show_audit(Audit("f", "s", ReportOptions(), (issue,)), Path("store/audit.json"), console)
    assert isinstance(console.file, StringIO)
    lines = console.file.getvalue().splitlines()
    assert [line[:9] for line in lines] == ["leak     ", "         ", "", "Verdict: ", "audit:  s"]
    assert lines[1].endswith(" …")
    assert max(map(len, lines)) <= 80
