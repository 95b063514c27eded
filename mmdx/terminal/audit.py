"""What `mmdx audit` shows: the issues, the worst first, and the verdict; and which labels `mmdx doubtful` doubts."""

from __future__ import annotations

import textwrap
from pathlib import Path

from rich.console import Console
from rich.text import Text

from mmdx.data.audit.audit import Audit
from mmdx.data.audit.issues import SEVERITIES
from mmdx.engine.reporting.doubtful import Written, sentences
from mmdx.stats.doubtful import DoubtfulLabels

WIDEST = 100
"""Columns beyond which lines are hard to read."""
_STYLES = {"leak": "bold red", "warning": "yellow", "note": ""}


def show_audit(audit: Audit, path: Path, console: Console) -> None:
    """Shows every issue whole, in as many lines as it takes, the verdict, and the file that has the figures as well."""
    width = min(console.width, WIDEST)
    edge = max(map(len, SEVERITIES)) + 2
    for issue in audit.issues:
        wrapped = textwrap.wrap(issue.sentence, width - edge)
        for index, part in enumerate(wrapped):
            label = issue.severity if index == 0 else ""
            console.print(Text.assemble((label.ljust(edge), _STYLES[issue.severity]), part))
    console.print()
    for part in textwrap.wrap(f"Verdict: {audit.verdict}.", width):
        console.print(Text(part, style="bold"))
    console.print(f"audit:  {path}", markup=False, highlight=False, soft_wrap=True)


def show_doubtful(found: DoubtfulLabels, written: Written, console: Console) -> None:
    """A sentence per level and finding, and the files; of patients nothing."""
    for line in (found.how, *sentences(found)):
        console.print(line, markup=False, highlight=False)
    console.print(f"table: {written.table}", markup=False, highlight=False, soft_wrap=True)
    console.print(f"page:  {written.page}", markup=False, highlight=False, soft_wrap=True)
