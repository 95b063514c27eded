"""A comparison for people: tables in the terminal, Markdown, and the files that `mmdx compare` leaves."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.table import Table
from rich.text import Text

from mmdx.stats.claims import audit_lines, claims, notes
from mmdx.stats.compare import Comparison
from mmdx.stats.metrics import METRICS
from mmdx.stats.page import page
from mmdx.stats.tables import Sheet, differences_sheet, estimates_sheet, findings_sheet

HEADLINE = ("auroc", "ap")


def summary_tables(comparison: Comparison, *, finding: str | None = None) -> Group:
    """The comparison for a terminal of 80 columns: AUROC and average precision, their differences, and what they say.

    `finding` names one finding; None takes the macro means. Raises `UsageError` where no such finding was scored.
    """
    parts: list[Table | Text] = [table(estimates_sheet(comparison, HEADLINE, finding=finding)), Text()]
    if len(comparison.arms) > 1:
        parts += [table(differences_sheet(comparison, HEADLINE, finding=finding)), Text()]
    parts += [Text(sentence) for sentence in claims(comparison, finding=finding)]
    parts += [Text(), *(Text(line, style="dim") for line in notes(comparison, finding=finding))]
    return Group(*parts)


def noted_table(sheet: Sheet, notes: Sequence[str]) -> Group:
    """One table for a terminal, and what stands below it."""
    return Group(table(sheet), Text(), *(Text(line, style="dim") for line in notes))


def markdown(comparison: Comparison) -> str:
    """The whole comparison: what it says, every metric, every finding, and what the numbers stand on."""
    sections = ["# Comparison", *map(_escape, audit_lines(comparison))]
    sections.append("\n\n".join(_escape(sentence) for sentence in claims(comparison)))
    sections += [pipes(sheet) for sheet in all_sheets(comparison)]
    sections += ["## Notes", "\n".join(f"- {_escape(line)}" for line in notes(comparison))]
    return "\n\n".join(sections) + "\n"


def all_sheets(comparison: Comparison) -> list[Sheet]:
    """The tables of the written report: macro means, then each finding, then the counts."""
    sheets = []
    for finding in (None, *(count.finding for count in comparison.findings)):
        sheets.append(estimates_sheet(comparison, tuple(METRICS), finding=finding))
        if len(comparison.arms) > 1:
            sheets.append(differences_sheet(comparison, tuple(METRICS), finding=finding))
    return [*sheets, findings_sheet(comparison)]


def write_comparison(comparison: Comparison, out: Path) -> None:
    """Leaves `compare.json`, `compare.md` and `compare.html` in the folder `out`, each whole or not at all."""
    texts = {
        "compare.json": json.dumps(comparison.to_json(), indent=2, allow_nan=False, ensure_ascii=False) + "\n",
        "compare.md": markdown(comparison),
        "compare.html": page(comparison, all_sheets(comparison)),
    }
    out.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (out / f".{name}.partial").write_text(text, encoding="utf-8")
    for name in texts:
        (out / f".{name}.partial").replace(out / name)


def table(sheet: Sheet) -> Table:
    """For the terminal. Numbers never wrap; long names of models do."""
    title = Text(sheet.title, style="bold not italic")
    grid = Table(
        title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0)
    )
    for index, name in enumerate(sheet.header):
        grid.add_column(Text(name), overflow="fold", no_wrap=index > 0, justify="left" if index == 0 else "right")
    for row in sheet.rows:
        grid.add_row(*(Text(cell) for cell in row))
    return grid


def pipes(sheet: Sheet) -> str:
    """For Markdown."""
    rule = "|".join(["", "---", *["---:"] * (len(sheet.header) - 1), ""])
    header, *rows = ("| " + " | ".join(map(_escape, line)) + " |" for line in (sheet.header, *sheet.rows))
    return "\n".join([f"## {_escape(sheet.title)}", "", header, rule, *rows])


def _escape(text: str) -> str:
    """Names of runs and findings stand in Markdown as they are."""
    for mark in "\\`*_|<>#":
        text = text.replace(mark, f"\\{mark}")
    return text
