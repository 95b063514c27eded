"""A planned config as the text of a YAML file: a comment with the reason above each line that holds a value."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from mmdx.engine.planning.choices import Choice

WIDEST = 120
AGAIN = "As above."
"""What stands in the place of a reason that was given before."""
_STEP = 2


def written_config(head: Sequence[str], choices: Sequence[Choice]) -> str:
    """The text of a config: the lines of `head` as comments, then every choice below its reason, in the order of the
    choices; `read_config` reads it back to the config of the same choices."""
    lines = [line for text in head for line in _comment(text, 0, hanging=True)]
    return "\n".join([*lines, *_lines(_tree(choices), 0, set())]) + "\n"


def _tree(choices: Sequence[Choice]) -> dict[str, Any]:
    """Choices by section, each section a mapping of its own."""
    root: dict[str, Any] = {}
    for choice in choices:
        *parents, last = choice.key.split(".")
        node = root
        for parent in parents:
            node = node.setdefault(parent, {})
        node[last] = choice
    return root


def _lines(node: Mapping[str, Any], depth: int, said: set[str]) -> Iterator[str]:
    """The lines of a section; a reason of those that were `said` before is not said again."""
    indent = " " * depth
    for key, below in node.items():
        if isinstance(below, Choice):
            yield from _comment(AGAIN if below.reason in said else below.reason, depth)
            said.add(below.reason)
            yield from _value(f"{indent}{_flow(key, WIDEST)}: ", below.value)
        else:
            yield f"{indent}{_flow(key, WIDEST)}:"
            yield from _lines(below, depth + _STEP, said)


def _comment(text: str, depth: int, *, hanging: bool = False) -> list[str]:
    indent = f"{' ' * depth}# "
    further = f"{indent}  " if hanging else indent
    return textwrap.wrap(
        text, WIDEST, initial_indent=indent, subsequent_indent=further, break_long_words=False, break_on_hyphens=False
    )


def _value(opening: str, value: Any) -> list[str]:
    """The line of a value; one that is too long goes on below, deeper than its key."""
    depth = len(opening) - len(opening.lstrip()) + _STEP
    first, *rest = _flow(value, WIDEST - len(opening)).splitlines()
    return [opening + first, *(" " * depth + line.strip() for line in rest)]


def _flow(value: Any, width: int) -> str:
    """A value in the flow style of YAML, broken at `width` columns between its items where it is longer."""
    text = yaml.safe_dump([value], default_flow_style=True, sort_keys=False, allow_unicode=True, width=max(width, 20))
    return text.strip()[1:-1]
