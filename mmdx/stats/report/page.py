"""A comparison as one HTML file that needs nothing else: no script, no font, no network."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Sequence
from datetime import date
from functools import cache

from jinja2 import Environment
from markupsafe import Markup, escape

from mmdx.stats.comparison.compare import Comparison
from mmdx.stats.report import templates
from mmdx.stats.report.claims import leading_claims, notes
from mmdx.stats.report.contents import Contents, headline_metrics
from mmdx.stats.report.headlines import headlines
from mmdx.stats.report.plots import svg
from mmdx.stats.report.provenance import provenance
from mmdx.stats.report.section import Plot, Section
from mmdx.stats.report.tables import Sheet, differences_sheet, estimates_sheet
from mmdx.stats.report.words import counted
from mmdx.templates import environment, resource

OPEN_SHEETS, OPEN_ROWS = 2, 24
"""Tables of a section that stand open, and their rows; further and longer ones fold."""


def page(comparison: Comparison, contents: Contents) -> str:
    """The page: what the comparison says, the contents, and notes."""
    return (
        _environment()
        .get_template("compare.html.j2")
        .render(
            title=f"Comparison: {' · '.join(arm.name for arm in comparison.models)}",
            style=resource(templates.__name__, "page.css"),
            ground=[ground(comparison), *provenance(comparison.origins, date.today())],
            headlines=headlines(comparison),
            claims=leading_claims(comparison),
            contents=contents,
            notes=notes(comparison),
        )
    )


def sections_page(title: str, ground: Sequence[str], sections: Sequence[Section]) -> str:
    """A page of sections that are of no comparison, below a title and what they stand on."""
    style = resource(templates.__name__, "page.css")
    return (
        _environment()
        .get_template("sections.html.j2")
        .render(title=title, style=style, ground=ground, sections=sections)
    )


def excerpt(comparison: Comparison) -> str:
    """What the comparison says and its main tables, for a notebook: a piece of HTML without a style of its own."""
    sheets, metrics = [], headline_metrics(comparison)
    for lead in comparison.leads:
        sheets.append(estimates_sheet(comparison, metrics, finding=lead))
        sheets += [differences_sheet(comparison, metrics, finding=lead)] if len(comparison.arms) > 1 else []
    return (
        _environment()
        .get_template("excerpt.html.j2")
        .render(headlines=headlines(comparison), claims=leading_claims(comparison), sheets=sheets)
    )


def ground(comparison: Comparison) -> str:
    """What all stands on: `40 patients, 52 studies, 2 findings, test split`."""
    parts = [counted(comparison.patients, "patient")]
    parts += [] if comparison.unit == "patient" else [counted(comparison.rows, comparison.unit)]
    return ", ".join([*parts, counted(len(comparison.findings), "finding"), f"{comparison.split} split"])


@cache
def _environment() -> Environment:
    filters = {"unbroken": _unbroken, "svg": _svg, "open_sheets": _open_sheets, "base64": _base64}
    return environment(templates.__name__, filters)


def _unbroken(text: str) -> Markup:
    """Text that breaks no line inside `[low, high]` or before a percent sign."""
    html = re.sub(r"(\[-?[\d.]+,) (-?[\d.]+\])", r'<span class="range">\1&nbsp;\2</span>', str(escape(text)))
    return Markup(html.replace(" %", "&nbsp;%"))  # escaped above


def _svg(plot: Plot) -> Markup:
    return Markup(svg(plot))  # made by matplotlib, whose writer escapes the names in it


def _base64(png: bytes) -> str:
    return b64encode(png).decode("ascii")


def _open_sheets(section: Section) -> Sequence[Sheet]:
    return [sheet for sheet in section.sheets[:OPEN_SHEETS] if len(sheet.rows) <= OPEN_ROWS]
