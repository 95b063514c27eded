"""What a comparison leaves and says: its files, the checklists of its reference, tables in the terminal."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from mmdx.engine.reporting.checklists.table import write_reporting
from mmdx.stats.evidence import Evidence
from mmdx.stats.report.terminal import summary_tables


def leave(evidence: Evidence, out: Path, console: Console, *, finding: str | None = None) -> None:
    """Prints the tables, of one finding or (None) the macro means, and writes everything into the folder `out`.

    `reporting.md` there fills the checklists from the run of the reference, where that is one, and this comparison.
    """
    console.print(summary_tables(evidence.comparison, finding=finding, left_out=evidence.left_out))
    evidence.save(out)
    if evidence.reference is not None and (evidence.reference / "config.yaml").is_file():
        write_reporting(evidence.reference, out)
    console.print(f"report:  {out / 'compare.html'}", markup=False, highlight=False)
