"""`model.json`: every field has its type and its bounds, and agrees with the config beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import nan
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

import pydantic
from pydantic import Field

from mmdx.config_file import explain
from mmdx.engine.assembly.encoders import kind_of
from mmdx.engine.assembly.facts import ModelFacts
from mmdx.errors import DataError
from mmdx.files import ModelLayout
from mmdx.kinds import KINDS
from mmdx.models.facts import InputFacts
from mmdx.schema import Config
from mmdx.strangers.sealed import read_sealed, write_sealed
from mmdx.study import Column, Terms, Unit

NOT_WHOLE = "the model folder is not whole; copy all of it again"
MOST = 2**24
"""The most values, tokens or channels that anything has."""
Count = Annotated[int, Field(ge=0, le=MOST)]


class _File(pydantic.BaseModel):
    """A part of the file: no key that it does not know, no number that is not finite, nothing read as another type."""

    model_config = pydantic.ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, protected_namespaces=()
    )


class _Terms(_File):
    words: list[float]
    pairs: list[tuple[Count, Count]]
    rarities: list[float]

    @pydantic.model_validator(mode="after")
    def _fit(self) -> _Terms:
        if len(self.pairs) != len(self.rarities):
            raise ValueError(f"{len(self.rarities)} rarities for {len(self.pairs)} pairs")
        if any(token >= len(self.words) for pair in self.pairs for token in pair):
            raise ValueError(f"a pair names a token beyond the {len(self.words)} words")
        if any(first >= second for first, second in zip(self.pairs, self.pairs[1:], strict=False)):
            raise ValueError("pairs do not stand in ascending order")
        return self


class _Column(_File):
    name: str = Field(min_length=1)
    mean: float = 0.0
    sd: float = Field(default=1.0, gt=0)
    words: list[str] = []
    shares: list[Annotated[float, Field(ge=0, le=1)]] = []
    gaps: bool = False

    @pydantic.model_validator(mode="after")
    def _fit(self) -> _Column:
        if len(self.words) != len(self.shares) or len(set(self.words)) < len(self.words):
            raise ValueError(f"{len(self.shares)} shares for {len(set(self.words))} words")
        return self


class _Input(_File):
    kind: str
    unit: Unit = "intensity"
    channels: int = Field(default=1, ge=1, le=4096)
    width: Count = 0
    logits: Count = 0
    selected: Annotated[int, Field(ge=1, le=MOST)] | None = None
    vocabulary: Count = 0
    idf: list[Annotated[float, Field(ge=0)]] | None = None
    terms: _Terms | None = None
    columns: list[_Column] = []
    details: dict[str, str | int | float] = {}
    architecture: dict[str, Any] | None = None

    @pydantic.model_validator(mode="after")
    def _fit(self) -> _Input:
        if self.kind not in list(KINDS):
            raise ValueError(f"no kind of modality is called '{self.kind[:40]}'; a plugin may be missing")
        if self.logits > self.width or (self.selected or 0) > self.width:
            raise ValueError(f"width {self.width} has no room for its logits or selected values")
        for name, values in (("idf", self.idf), ("terms.words", self.terms and self.terms.words)):
            if values is not None and len(values) != self.vocabulary:
                raise ValueError(f"{name} has {len(values)} values for a vocabulary of {self.vocabulary}")
        return self

    def facts(self) -> InputFacts:
        terms = self.terms and Terms(tuple(self.terms.words), tuple(self.terms.pairs), tuple(self.terms.rarities))
        columns = [
            Column(**{**column.model_dump(), "words": tuple(column.words), "shares": tuple(column.shares)})
            for column in self.columns
        ]
        exact = {
            "idf": None if self.idf is None else tuple(self.idf),
            "terms": terms,
            "columns": tuple(columns),
            "details": tuple(self.details.items()),
        }
        return InputFacts(**{**dict(self), **exact})


class _Facts(_File):
    findings: list[Annotated[str, Field(min_length=1)]]
    size: int = Field(ge=1, le=4096)
    inputs: dict[str, _Input]
    prevalence: dict[str, list[Annotated[float, Field(ge=0, le=1)] | None]]
    texts: dict[str, Annotated[int, Field(ge=1, le=MOST)]]
    first: Annotated[str, Field(pattern="^[0-9a-f]{1,64}$")] | None
    trained: bool = True
    at_use: dict[str, Any] = {}

    @pydantic.model_validator(mode="after")
    def _fit(self) -> _Facts:
        if twice := sorted({name for name in self.findings if self.findings.count(name) > 1}):
            raise ValueError(f"findings name '{twice[0]}' twice")
        for level, shares in self.prevalence.items():
            if len(shares) != len(self.findings):
                raise ValueError(f"prevalence.{level} has {len(shares)} shares for {len(self.findings)} findings")
        for name in (*self.inputs, *self.texts):
            if not _is_plain(name):
                raise ValueError(f"'{name}' is no name of an input")
        return self


def write_facts(folder: Path, facts: ModelFacts, beside: list[Path]) -> None:
    """Writes the facts of a model, sealed with the files `beside` that they describe."""
    write_sealed(ModelLayout(folder).facts, facts.to_json(), beside)


def read_facts(folder: Path, config: Config) -> ModelFacts:
    """The facts of a model folder. Raises `DataError`, a line per field, where one is not what it may be, or not what
    the config of the folder asks for."""
    path = ModelLayout(folder).facts
    try:
        raw = read_sealed(path, NOT_WHOLE)
    except FileNotFoundError:
        raise DataError(f"{path}: missing; {NOT_WHOLE}") from None
    facts = parse_facts(raw, str(path))
    if problems := _disagreements(config, facts):
        raise DataError([f"{path}: {line}; {NOT_WHOLE}" for line in problems])
    return facts


def parse_facts(raw: Mapping[str, Any], where: str) -> ModelFacts:
    """The facts that plain values spell out. Raises `DataError` with a line per field that is not what it may be."""
    try:
        # As JSON: an array may be a tuple there, and 1 a float, but neither 32.7 nor "32" nor true an integer.
        read = _Facts.model_validate_json(json.dumps(raw))
    except pydantic.ValidationError as error:
        raise DataError([f"{where}: {line}; {NOT_WHOLE}" for line in explain(error, _Facts)]) from None
    prevalence = {
        level: tuple(nan if share is None else share for share in shares) for level, shares in read.prevalence.items()
    }
    inputs = {name: facts.facts() for name, facts in read.inputs.items()}
    return ModelFacts(
        tuple(read.findings), read.size, inputs, prevalence, read.texts, read.first, read.trained, read.at_use
    )


def _disagreements(config: Config, facts: ModelFacts) -> list[str]:
    """Where the facts are not of the model that the config asks for."""
    inputs = config.model.inputs
    if list(facts.inputs) != list(inputs):
        return [f"inputs are {', '.join(facts.inputs) or 'none'}, and {', '.join(inputs)} in config.yaml"]
    # Without one an encoder would be looked for where it came from, on the hub or on this disk.
    problems = [f"inputs.{name}.architecture is missing" for name in inputs if facts.inputs[name].architecture is None]
    problems += [
        f"inputs.{name}.kind is {facts.inputs[name].kind}, and its encoder reads {kind_of(section).name}"
        for name, section in inputs.items()
        if facts.inputs[name].kind != kind_of(section).name
    ]
    asked = config.data.findings
    if asked is not None and asked != facts.findings:
        problems.append("findings are not those of config.yaml")
    for name, traits in config.data.tables.items():
        named = [column.name for column in facts.inputs[name].columns] if name in facts.inputs else list(traits)
        if named != list(traits):
            problems.append(f"inputs.{name}.columns are {', '.join(named)}, and {', '.join(traits)} in config.yaml")
    return problems


def _is_plain(name: str) -> bool:
    """Whether a name can be that of a file inside a folder."""
    parts = PurePosixPath(name).parts
    return bool(name.strip()) and "\0" not in name and ".." not in parts and not name.startswith("/")
