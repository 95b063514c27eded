"""Jinja templates: where they lie, and how a text is escaped for what it is written as.

A template is a file of a package, `NAME.html.j2` or `NAME.md.j2`. HTML is escaped by itself; in Markdown each value
goes through the filter `md`, or `code` for a code span. A variable that a template names and nobody gave is an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined

from mmdx.errors import harmless

_MARKS = re.compile(r"([\\`*_|<>#]|\](?=[(\[:]))")
"""What means something in Markdown; of brackets the one that would make a link."""


def environment(package: str, filters: Mapping[str, Callable[..., str]] | None = None) -> Environment:
    """The templates of a package, such as `mmdx.stats.report.templates`; `filters` are further ones by name."""
    templates = Environment(
        loader=FunctionLoader(lambda name: resource(package, name)),
        autoescape=lambda name: name is not None and name.endswith(".html.j2"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    templates.filters |= {"md": markdown_text, "code": code_span, **(filters or {})}
    return templates


def resource(package: str, name: str) -> str:
    """The text of a file that belongs to a package."""
    return files(package).joinpath(name).read_text(encoding="utf-8")


def markdown_text(value: object) -> str:
    """A text as Markdown shows it letter by letter, also in a cell of a table; line breaks become spaces."""
    return _MARKS.sub(r"\\\1", _one_line(value))


def code_span(value: object) -> str:
    """A text in a code span, whose fence is longer than any run of backticks in it; a bar would end a table's cell."""
    text = _one_line(value).replace("|", "\\|")
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence, space = "`" * (longest + 1), " " if longest else ""
    return f"{fence}{space}{text}{space}{fence}"


def _one_line(value: object) -> str:
    return harmless(re.sub(r"\s*[\r\n]\s*", " ", str(value)))
