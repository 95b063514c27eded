"""What the reference pages of the site hold, made from the code when the site is built."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Iterator
from itertools import groupby
from types import ModuleType

import mmdx
from mmdx import schema, sections
from mmdx.engine.assembly.parts import parts


def command_line() -> str:
    """Every verb with its arguments and options, by typer's own tool."""
    words = [sys.executable, "-m", "typer", "mmdx.cli", "utils", "docs", "--name", "mmdx"]
    shown = subprocess.run(words, check=True, capture_output=True, text=True).stdout
    return shown.partition("## `mmdx inspect`")[1] + shown.partition("## `mmdx inspect`")[2]


def python() -> str:
    """Every public name: functions, values with their methods, errors. Registries have a page of their own."""
    found = {name: getattr(mmdx, name) for name in mmdx.PUBLIC}
    groups: dict[str, list[str]] = {"Functions": [], "Values": [], "Errors": []}
    for name, part in found.items():
        if inspect.isfunction(part):
            groups["Functions"].append(f".. autofunction:: mmdx.{name}")
        elif inspect.isclass(part) and issubclass(part, Exception):
            groups["Errors"].append(f".. autoclass:: mmdx.{name}")
        elif inspect.isclass(part) and name != "Config":
            groups["Values"].append(f".. autoclass:: mmdx.{name}\n   :members:")
    modules = [part for part in found.values() if inspect.ismodule(part)]
    blocks = [f"## {title}\n\n{_rst(lines)}" for title, lines in groups.items()]
    return "\n".join([*blocks, *map(_module, modules)])


def config() -> str:
    """A table of fields for each section of a config, the whole of it first."""
    found = [part for module in (schema, sections) for part in vars(module).values() if _is_section(part, module)]
    found.sort(key=lambda part: part is not schema.Config)
    return "\n".join(map(_section, found))


def part_tables() -> str:
    """Every registered part of each kind, with its options."""
    pages = []
    for kind, rows in groupby(parts(None), key=lambda row: row.kind):
        pages.append(f"## {kind}\n")
        for row in rows:
            options = "".join(f"- `{name}` = `{default}`\n" for name, default in row.options.items())
            pages.append(f"### {row.name}\n\n{row.summary}\n\n{options}")
    return "\n".join(pages)


def _is_section(part: object, module: ModuleType) -> bool:
    return inspect.isclass(part) and part.__module__ == module.__name__ and hasattr(part, "model_fields")


def _section(part: type) -> str:
    rows = "\n".join(f"| {' | '.join(cells)} |" for cells in _fields(part))
    table = f"| field | type | default |\n|---|---|---|\n{rows}" if rows else ""
    return f"## {part.__name__}\n\n{inspect.getdoc(part) or ''}\n\n{table}\n"


def _fields(part: type) -> Iterator[tuple[str, str, str]]:
    for name, field in part.model_fields.items():
        kind = field.annotation.__name__ if inspect.isclass(field.annotation) else str(field.annotation)
        for long in ("typing.", "mmdx.schema.", "mmdx.sections.", "pathlib."):
            kind = kind.replace(long, "")
        default = "" if field.is_required() else field.get_default(call_default_factory=True)
        if isinstance(default, sections.Section):
            yield f"`{name}`", _cell(kind), f"as [{kind}](#{kind.lower()}) has them"
        elif isinstance(default, sections.Component):
            yield f"`{name}`", _cell(kind), _cell(default.type)
        else:
            yield f"`{name}`", _cell(kind), "to be given" if field.is_required() else _cell(repr(default))


def _cell(text: str) -> str:
    return f"`{text}`".replace("|", "\\|")


def _module(module: ModuleType) -> str:
    return f"## {module.__name__}\n\n{_rst([f'.. automodule:: {module.__name__}{chr(10)}   :members:'])}"


def _rst(directives: list[str]) -> str:
    text = "\n\n".join(directives)
    return f"```{{eval-rst}}\n{text}\n```\n"


PAGES = {
    "docs/reference/command_line": command_line,
    "docs/reference/python": python,
    "docs/reference/config": config,
    "docs/reference/parts": part_tables,
}
"""What is added to each page of the reference."""
