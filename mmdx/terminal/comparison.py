"""What `mmdx compare` shows."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from mmdx.stats.evidence import Evidence
from mmdx.stats.report.terminal import summary_tables


def show_comparison(evidence: Evidence, console: Console, *, finding: str | None = None) -> None:
    """Shows the tables of one finding, or (None) of what the comparison leads with.

    Raises `UsageError` for an unknown finding.
    """
    console.print(summary_tables(evidence.comparison, finding=finding, left_out=evidence.left_out))


def show_report(folder: Path, console: Console) -> None:
    """Shows where a comparison was written."""
    console.print(f"report:  {folder / 'compare.html'}", markup=False, highlight=False)
