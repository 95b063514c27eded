"""A choice of the planner: one value of a config, and why it is so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mmdx.config_file import parse_config, with_values
from mmdx.engine.assembly.resolve import resolve
from mmdx.schema import Config

PLAN = "plan"
"""What errors call a config that was planned, and not read from a file."""


@dataclass(frozen=True)
class Choice:
    """The `value` under a dotted `key` of a config, and the `reason` for it, a sentence or two."""

    key: str
    value: Any
    reason: str


def config_of(choices: Sequence[Choice]) -> Config:
    """The resolved config that choices spell out together. Raises `UsageError` where they make none."""
    return resolve(parse_config(with_values({}, {choice.key: choice.value for choice in choices}), PLAN))
