"""What a model must know of its store: with its config and its weights, all that it takes to make it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from math import isnan, nan
from typing import Any, Literal

from mmdx.data.loading.traits import Table
from mmdx.study import Column

Kind = Literal["images", "vectors", "text", "tabular"]


@dataclass(frozen=True)
class InputFacts:
    """What a branch must know of its modality; `architecture` is filled in once the encoder is built.

    `idf` is how rare each token is in training reports, for a text encoder that asks for it. Of the `width` values of a
    descriptor the last `logits` are a first stage's; `selected` of the others are left, where there is a selection,
    once it is fitted.
    """

    kind: Kind
    unit: str = "intensity"
    channels: int = 1
    width: int = 0
    logits: int = 0
    selected: int | None = None
    vocabulary: int = 0
    idf: tuple[float, ...] | None = None
    columns: tuple[Column, ...] = ()
    architecture: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class ModelFacts:
    """The sizes of a model: with its config and its weights, all that it takes to make it again.

    `prevalence` is that of the training labels, by level, as `Findings` has it. `texts` says how many tokens each text
    has that a head writes, by modality. `first` tells the weights of the model whose descriptors it reads, None where
    it reads what a store has.
    """

    findings: tuple[str, ...]
    size: int
    inputs: Mapping[str, InputFacts] = field(default_factory=dict)
    prevalence: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    texts: Mapping[str, int] = field(default_factory=dict)
    first: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values; JSON has no NaN, which is null there."""
        rates = {level: [None if isnan(share) else share for share in row] for level, row in self.prevalence.items()}
        return {**asdict(self), "prevalence": rates}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> ModelFacts:
        inputs = {name: _input(facts) for name, facts in raw["inputs"].items()}
        rates = {
            level: tuple(nan if share is None else share for share in row) for level, row in raw["prevalence"].items()
        }
        return cls(tuple(raw["findings"]), int(raw["size"]), inputs, rates, dict(raw["texts"]), raw["first"])

    def unbuilt(self) -> ModelFacts:
        """These facts as they were before any encoder was made: a model of them starts from what is pretrained."""
        return replace(self, inputs={name: replace(f, architecture=None) for name, f in self.inputs.items()})

    def tables(self) -> dict[str, Table]:
        """What reads the traits of a study, a table input each."""
        return {name: Table(known.columns) for name, known in self.inputs.items() if known.kind == "tabular"}


def _input(raw: Mapping[str, Any]) -> InputFacts:
    # JSON has no tuples.
    idf, columns = raw["idf"], tuple(_column(column) for column in raw["columns"])
    return InputFacts(**{**raw, "idf": None if idf is None else tuple(idf), "columns": columns})


def _column(raw: Mapping[str, Any]) -> Column:
    return Column(**{**raw, "words": tuple(raw["words"]), "shares": tuple(raw["shares"])})
