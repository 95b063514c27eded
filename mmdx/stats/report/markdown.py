"""A comparison in Markdown, for a pull request or a model card."""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import Any

from jinja2 import Environment

from mmdx.stats.comparison.compare import Comparison
from mmdx.stats.report import templates
from mmdx.stats.report.claims import leading_claims, notes
from mmdx.stats.report.contents import Contents, contents
from mmdx.stats.report.headlines import headlines
from mmdx.stats.report.provenance import provenance
from mmdx.stats.report.tables import Sheet
from mmdx.templates import environment


def markdown(comparison: Comparison) -> str:
    """What a comparison says, every metric, every finding, and what the numbers stand on; no pictures."""
    return markdown_file(comparison, contents(comparison, ()), pictures=False)


def markdown_file(comparison: Comparison, contents: Contents, *, pictures: bool = True) -> str:
    """The same of `contents`; `pictures` links the plots of the folder `figures` beside the file, which has a head."""
    text = (
        _environment()
        .get_template("compare.md.j2")
        .render(
            headlines=headlines(comparison),
            claims=leading_claims(comparison),
            contents=contents,
            notes=notes(comparison),
            pictures=pictures,
            provenance=provenance(comparison.origins, date.today()) if pictures else (),
        )
    )
    return f"{text.rstrip()}\n"


def markdown_table(sheet: Sheet, *, under: str = "") -> str:
    """A table with its title, which is left out where it stands right under the same words."""
    macros: Any = _environment().get_template("parts.md.j2").module  # its macros are attributes
    return str(macros.table(sheet, under)).rstrip()


@cache
def _environment() -> Environment:
    return environment(templates.__name__)
