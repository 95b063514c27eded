"""Tables and sentences for a terminal of 80 columns; what `stats/` prints is made here and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.table import Table
from rich.text import Text

from mmdx.stats.comparison.compare import Comparison
from mmdx.stats.report.claims import check_finding, claims, leading_claims, notes
from mmdx.stats.report.contents import headline_metrics
from mmdx.stats.report.headlines import headlines
from mmdx.stats.report.tables import Sheet, differences_sheet, estimates_sheet


def summary_tables(comparison: Comparison, *, finding: str | None = None, left_out: Sequence[str] = ()) -> Group:
    """AUROC and average precision of each arm, their differences, what they say, and what was `left_out`.

    `finding` names one finding; None takes what the comparison leads with. Raises `UsageError` where no such finding
    was scored.
    """
    check_finding(comparison, finding)
    parts: list[Table | Text] = [Text(line, style="bold") for line in headlines(comparison, finding=finding)]
    parts += [Text()] if parts else []
    for shown in comparison.leads if finding is None else (finding,):
        parts += [sheet_table(estimates_sheet(comparison, headline_metrics(comparison), finding=shown)), Text()]
        if len(comparison.arms) > 1:
            parts += [sheet_table(differences_sheet(comparison, headline_metrics(comparison), finding=shown)), Text()]
    sentences = leading_claims(comparison) if finding is None else claims(comparison, finding=finding)
    parts += [Text(sentence) for sentence in sentences]
    lines = [*notes(comparison, finding=finding), *left_out]
    return Group(*parts, Text(), *(Text(line, style="dim") for line in lines))


def noted_table(sheet: Sheet, notes: Sequence[str]) -> Group:
    """One table, and the notes below it."""
    return Group(sheet_table(sheet), Text(), *(Text(line, style="dim") for line in notes))


def sheet_table(sheet: Sheet) -> Table:
    """One table. Numbers never wrap; long names of models do."""
    title = Text(sheet.title, style="bold not italic")
    grid = Table(
        title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0)
    )
    for index, name in enumerate(sheet.header):
        grid.add_column(Text(name), overflow="fold", no_wrap=index > 0, justify="left" if index == 0 else "right")
    for row in sheet.rows:
        grid.add_row(*(Text(cell) for cell in row))
    return grid
