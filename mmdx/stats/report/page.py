"""A comparison as one HTML file that needs nothing else: no script, no font, no network."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

from mmdx.stats.comparison.compare import Comparison
from mmdx.stats.report.claims import claims, headlines, notes, units
from mmdx.stats.report.contents import Contents
from mmdx.stats.report.page_style import STYLE
from mmdx.stats.report.plots import svg
from mmdx.stats.report.section import Plot, Section
from mmdx.stats.report.tables import Sheet

OPEN_SHEETS, OPEN_ROWS = 2, 24
"""Tables of a section that stand open, and their rows; further and longer ones fold."""


def page(comparison: Comparison, contents: Contents) -> str:
    """The page: what the comparison says, the contents, and notes."""
    title = f"Comparison: {' · '.join(arm.name for arm in comparison.models)}"
    body = [f"<header><h1>{escape(title)}</h1>", f'<p class="ground">{escape(ground(comparison))}</p>']
    body += ['<div class="claims">', *(f"<p><strong>{_text(line)}</strong></p>" for line in headlines(comparison))]
    body += [*(f"<p>{_text(sentence)}</p>" for sentence in claims(comparison)), "</div>"]
    body += [_links(contents), "</header>"]
    body += [_section(section) for section in contents.open]
    if contents.folded:
        folded = "".join(_fold(part.title, _inside(part)) for part in contents.folded)
        body.append(f'<section id="findings"><h2>Finding by finding</h2>{folded}</section>')
    body += [_section(contents.ground), f'<section id="notes"><h2>Notes</h2>{_notes(notes(comparison))}</section>']
    return (
        f'<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{escape(title)}</title>'
        f"<style>{STYLE}</style></head>\n<body><main>\n" + "\n".join(body) + "\n</main></body>\n</html>\n"
    )


def ground(comparison: Comparison) -> str:
    """What all stands on: `40 patients, 52 studies, 2 findings, test split`."""
    patients = f"{comparison.patients} patient{'' if comparison.patients == 1 else 's'}"
    rows = [] if comparison.unit == "patient" else [units(comparison, comparison.rows)]
    findings = f"{len(comparison.findings)} finding{'' if len(comparison.findings) == 1 else 's'}"
    return ", ".join([patients, *rows, findings, f"{comparison.split} split"])


def _links(contents: Contents) -> str:
    """A short table of contents."""
    places = [(section.key, section.title) for section in contents.open]
    places += [("findings", "Finding by finding")] if contents.folded else []
    places += [(contents.ground.key, contents.ground.title), ("notes", "Notes")]
    items = "".join(f'<li><a href="#{escape(key)}">{escape(title)}</a></li>' for key, title in places)
    return f'<nav aria-label="Contents"><ol>{items}</ol></nav>'


def _section(section: Section) -> str:
    parts = [f"<h2>{escape(section.title)}</h2>", *(f"<p>{_text(sentence)}</p>" for sentence in section.sentences)]
    first = [sheet for sheet in section.sheets[:OPEN_SHEETS] if len(sheet.rows) <= OPEN_ROWS]
    parts += [_table(sheet, under=section.title) for sheet in first]
    parts += [_figure(plot) for plot in section.plots]
    parts += [_fold(sheet.title, _table(sheet, under=sheet.title)) for sheet in section.sheets if sheet not in first]
    parts += [_notes(section.notes)] if section.notes else []
    return f'<section id="{escape(section.key)}">{"".join(parts)}</section>'


def _inside(section: Section) -> str:
    return "".join([*map(_figure, section.plots), *(_table(sheet, under=section.title) for sheet in section.sheets)])


def _fold(title: str, inside: str) -> str:
    return f"<details><summary>{escape(title)}</summary>{inside}</details>"


def _notes(lines: Sequence[str]) -> str:
    return f'<ul class="notes">{"".join(f"<li>{_text(line)}</li>" for line in lines)}</ul>'


def _figure(plot: Plot) -> str:
    caption = f"<figcaption>{_text(plot.caption)}</figcaption>"
    return f'<h3>{escape(plot.title)}</h3><figure><div class="scroll">{svg(plot)}</div>{caption}</figure>'


def _table(sheet: Sheet, *, under: str = "") -> str:
    """A table and its title, which is left out where it stands right under the same words."""
    header = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in sheet.header)
    rows = "".join("<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in row) + "</tr>" for row in sheet.rows)
    table = f'<div class="scroll"><table><thead><tr>{header}</tr></thead><tbody>{rows}</tbody></table></div>'
    return table if sheet.title == under else f"<h3>{escape(sheet.title)}</h3>{table}"


def _text(text: str) -> str:
    """Escaped text that breaks no line inside `[low, high]` or before a percent sign."""
    text = re.sub(r"(\[-?[\d.]+,) (-?[\d.]+\])", r'<span class="range">\1&nbsp;\2</span>', escape(text))
    return text.replace(" %", "&nbsp;%")
