"""A comparison for people: tables in the terminal, Markdown, and the files that `mmdx compare` leaves."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from html import escape
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.table import Table
from rich.text import Text

from mmdx import __version__
from mmdx.stats.comparison.compare import Comparison
from mmdx.stats.report.claims import check_finding, claims, headlines, notes
from mmdx.stats.report.contents import HEADLINE, Contents, contents
from mmdx.stats.report.latex import latex
from mmdx.stats.report.page import page
from mmdx.stats.report.plots import write_png
from mmdx.stats.report.section import Section
from mmdx.stats.report.tables import Sheet, differences_sheet, estimates_sheet


def summary_tables(comparison: Comparison, *, finding: str | None = None) -> Group:
    """The comparison for a terminal of 80 columns: AUROC and average precision, their differences, and what they say.

    `finding` names one finding; None takes the macro means. Raises `UsageError` where no such finding was scored.
    """
    check_finding(comparison, finding)
    parts: list[Table | Text] = [Text(line, style="bold") for line in headlines(comparison, finding=finding)]
    parts += [Text()] if parts else []
    parts += [table(estimates_sheet(comparison, HEADLINE, finding=finding)), Text()]
    if len(comparison.arms) > 1:
        parts += [table(differences_sheet(comparison, HEADLINE, finding=finding)), Text()]
    parts += [Text(sentence) for sentence in claims(comparison, finding=finding)]
    parts += [Text(), *(Text(line, style="dim") for line in notes(comparison, finding=finding))]
    return Group(*parts)


def noted_table(sheet: Sheet, notes: Sequence[str]) -> Group:
    """One table for a terminal, and what stands below it."""
    return Group(table(sheet), Text(), *(Text(line, style="dim") for line in notes))


def markdown(comparison: Comparison) -> str:
    """What a comparison says, every metric, every finding, and what the numbers stand on; no pictures."""
    return _markdown(comparison, contents(comparison, ()), pictures=False)


def write_comparison(comparison: Comparison, sections: Sequence[Section], out: Path) -> None:
    """Leaves the comparison and its `sections` in the folder `out`, whole or not at all.

    These are `compare.html`, `.md`, `.json` and `.tex`, and for every plot `figures/<name>.png` and `.csv`. Figures of
    an earlier comparison, named in its `compare.json`, go; other files in `figures` stay.
    """
    written = contents(comparison, sections)
    figures = [f"figures/{plot.name}.{kind}" for plot in written.plots for kind in ("png", "csv")]
    facts = comparison.to_json() | {
        "sections": {section.key: section.record for section in sections},
        "figures": figures,
        "versions": versions(),
    }
    texts = {
        "compare.html": page(comparison, written),
        "compare.md": _markdown(comparison, written, pictures=True),
        "compare.tex": latex([sheet for section in written.sections for sheet in section.sheets]),
        "compare.json": json.dumps(facts, indent=2, allow_nan=False, ensure_ascii=False) + "\n",
    }
    out.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=out, prefix=".compare-") as folder:
        beside = Path(folder)
        (beside / "figures").mkdir()
        for plot in written.plots:
            write_png(plot, beside / "figures" / f"{plot.name}.png")
            plot.numbers.to_csv(beside / "figures" / f"{plot.name}.csv", index=False)
        for name, text in texts.items():
            (beside / name).write_text(text, encoding="utf-8")
        stale = set(_figures(out)) - set(figures)
        (out / "figures").mkdir(exist_ok=True)
        for name in [*figures, *texts]:
            (beside / name).replace(out / name)
    for name in stale:
        (out / name).unlink(missing_ok=True)


def versions() -> dict[str, str]:
    """The version of mmdx, and of what its numbers were made with."""
    return {"mmdx": __version__} | {name: version(name) for name in ("numpy", "scipy", "scikit-learn")}


def _figures(out: Path) -> list[str]:
    """The figures that an earlier comparison left in a folder; none where its `compare.json` cannot tell."""
    try:
        named = list(json.loads((out / "compare.json").read_text(encoding="utf-8"))["figures"])
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return [name for name in named if re.fullmatch(r"figures/\w+\.(png|csv)", str(name))]


def _markdown(comparison: Comparison, written: Contents, *, pictures: bool) -> str:
    parts = ["# Comparison", *(f"**{_escape(line)}**" for line in headlines(comparison))]
    parts.append("\n\n".join(_escape(sentence) for sentence in claims(comparison)))
    for section in (*written.open, *written.folded, written.ground):
        inside = [_escape(sentence) for sentence in section.sentences]
        inside += [pipes(sheet, under=section.title) for sheet in section.sheets]
        if pictures:
            inside += [
                f"![{_escape(plot.title)}](figures/{plot.name}.png)\n\n{_escape(plot.caption)}"
                for plot in section.plots
            ]
        inside += ["\n".join(f"- {_escape(line)}" for line in section.notes)] if section.notes else []
        if not inside:
            continue
        if section in written.folded:
            summary = f"<details><summary>{escape(section.title)}</summary>"
            parts += [summary, *inside, "</details>"]
        else:
            parts += [f"## {_escape(section.title)}", *inside]
    parts += ["## Notes", "\n".join(f"- {_escape(line)}" for line in notes(comparison))]
    return "\n\n".join(parts) + "\n"


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


def pipes(sheet: Sheet, *, under: str = "") -> str:
    """For Markdown, with its title, which is left out where it stands right under the same words."""
    rule = "|".join(["", "---", *["---:"] * (len(sheet.header) - 1), ""])
    header, *rows = ("| " + " | ".join(map(_escape, line)) + " |" for line in (sheet.header, *sheet.rows))
    head = [] if sheet.title == under else [f"### {_escape(sheet.title)}", ""]
    return "\n".join([*head, header, rule, *rows])


def _escape(text: str) -> str:
    """Names of runs and findings stand in Markdown as they are."""
    for mark in "\\`*_|<>#":
        text = text.replace(mark, f"\\{mark}")
    return text
