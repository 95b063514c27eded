"""What a branch must know of the modality that it reads, beside its section of the config."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mmdx.study import Column, Terms


@dataclass(frozen=True)
class InputFacts:
    """What a branch must know of its modality; `architecture` is filled in once the encoder is built.

    `kind` is the name of a kind (`mmdx.kinds`). Images have a `unit` and `channels`. Descriptors have `width` values,
    of which the last `logits` are answers of a first stage; `selected` is how many of the others a fitted selection
    keeps, None before it is fitted and where there is none. Text has a `vocabulary` of so many tokens, and for an
    encoder that asks for it `idf`, how rare each token is in training reports, or `terms`, its words and pairs of words
    with their rarity. Tables have `columns`. `details` are
    what a plugin's kind says of itself in its store, by name, and of a stack the channels of each of its modalities.
    """

    kind: str
    unit: str = "intensity"
    channels: int = 1
    width: int = 0
    logits: int = 0
    selected: int | None = None
    vocabulary: int = 0
    idf: tuple[float, ...] | None = None
    terms: Terms | None = None
    columns: tuple[Column, ...] = ()
    details: tuple[tuple[str, str | int | float], ...] = ()
    architecture: Mapping[str, Any] | None = None

    def detail(self, name: str) -> str | int | float:
        """What a plugin's kind says of itself. Raises `KeyError` where it did not say it."""
        return dict(self.details)[name]
