"""`mmdx list`: what is registered, with its options."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

import mmdx.engine.assembly.build  # noqa: F401  (registers every part of a model)
from mmdx.config import Component
from mmdx.data.readers import register_all
from mmdx.errors import UsageError, did_you_mean
from mmdx.registry import REGISTRIES, Registry


def print_parts(kind: str | None) -> None:
    """A table a kind. Raises `UsageError` for a kind that there is not."""
    if kind is not None and kind not in REGISTRIES:
        raise UsageError(f"list: no kind '{kind}'; {did_you_mean(kind, REGISTRIES)}")
    register_all()
    console = Console()
    for name, registry in REGISTRIES.items():
        if kind in (None, name):
            console.print(_table(name, registry))


def _table(title: str, registry: Registry) -> Table:
    table = Table("name", "what it is", "options", title=title, title_justify="left", show_lines=True, expand=True)
    for name in registry.names():
        fields = registry.schema(name).model_fields
        options = "\n".join(f"{option}={_default(field.default)}" for option, field in fields.items())
        table.add_row(name, escape(registry.summary(name)), escape(options))
    return table


def _default(value: Any) -> str:
    return value.type if isinstance(value, Component) else repr(value)
