"""Whether the variants of an ablation had equal chances: the settings that each tried, and what validation said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mmdx.errors import DataError


@dataclass(frozen=True)
class TriedVariant:
    """What validation said of the tries of one variant: `by` names the score, `chosen` counts from 1."""

    by: str
    scores: tuple[float | None, ...]
    chosen: int


@dataclass(frozen=True)
class Chances:
    """`config` is the name of the ablation's config; `settings` are those of each try, by name, None where the config's
    own stayed. Without any, all variants had those of the config."""

    config: str
    settings: tuple[Mapping[str, float | None], ...] = ()
    variants: Mapping[str, TriedVariant] | None = None


def read_chances(record: Mapping[str, Any], where: str) -> Chances:
    """What a record of an ablation says of its settings; one of before there were tries had none.

    Raises `DataError` where that cannot be read.
    """
    try:
        name, tuning = str(record.get("config", "the config")), record.get("tuning")
        if tuning is None:
            return Chances(name)
        settings = tuple(
            {key: None if value is None else float(value) for key, value in each.items()} for each in tuning["settings"]
        )
        return Chances(name, settings, {key: _tried(each, len(settings)) for key, each in tuning["variants"].items()})
    except (KeyError, TypeError, ValueError, AttributeError):
        raise DataError(f"{where}: what it says of its tries cannot be read; run mmdx ablate again") from None


def _tried(raw: Mapping[str, Any], count: int) -> TriedVariant:
    scores = tuple(None if score is None else float(score) for score in raw["scores"])
    if len(scores) != count or not 1 <= raw["chosen"] <= count:
        raise ValueError("other tries than settings")
    return TriedVariant(str(raw["by"]), scores, int(raw["chosen"]))
