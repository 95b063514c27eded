"""Every registered part, and what each of them is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mmdx.data.readers import register_all
from mmdx.engine.assembly.plugins import import_plugins
from mmdx.errors import UsageError, did_you_mean
from mmdx.models.parts import register_model_parts
from mmdx.registry import REGISTRIES
from mmdx.schema import Component, Config

register_model_parts()


@dataclass(frozen=True)
class PartRow:
    """One part: its `kind` as `REGISTRIES` names it, its first sentence, and its options with their defaults, and what
    an option takes where its description says so."""

    kind: str
    name: str
    summary: str
    options: dict[str, str]


def register_parts(config: Config) -> None:
    """Registers the readers, and the parts of the user's own modules. Raises `UsageError` where one has no import."""
    register_all()
    import_plugins(config.plugins)


def parts(kind: str | None = None) -> list[PartRow]:
    """All parts, or those of one kind, in the order of `REGISTRIES` and by name. Raises `UsageError` for a kind that
    there is not."""
    if kind is not None and kind not in REGISTRIES:
        raise UsageError(f"list: no kind '{kind}'; {did_you_mean(kind, REGISTRIES)}")
    register_all()
    return [
        PartRow(title, name, registry.summary(name), _options(title, name))
        for title, registry in REGISTRIES.items()
        for name in registry.names()
        if kind in (None, title)
    ]


def _options(kind: str, name: str) -> dict[str, str]:
    fields = REGISTRIES[kind].schema(name).model_fields
    return {
        option: _default(field.default) + (f" ({field.description})" if field.description else "")
        for option, field in fields.items()
    }


def _default(value: Any) -> str:
    return value.type if isinstance(value, Component) else repr(value)
