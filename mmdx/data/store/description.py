"""`dataset.json`: what a store says of itself, every field of its type and within its bounds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import pydantic
from pydantic import Field

from mmdx.config_file import explain
from mmdx.data.store.fingerprint import READ_FORMATS, STORE_FORMAT
from mmdx.data.store.kinds import STORED, ModalityFacts
from mmdx.data.store.layout import RESERVED, Layout
from mmdx.errors import DataError
from mmdx.strangers.sealed import read_sealed
from mmdx.study import Unit

DESCRIPTION = "dataset.json"
AGAIN = "remove the folder and prepare the store again"
MOST = 2**24
Count = Annotated[int, Field(ge=0)]
Width = Annotated[int, Field(ge=0, le=MOST)]


class _File(pydantic.BaseModel):
    """A part of the file. Keys that it does not know are remarks, which others may read."""

    model_config = pydantic.ConfigDict(extra="allow", strict=True, allow_inf_nan=False, protected_namespaces=())


class _Modality(_File):
    __pydantic_extra__: dict[str, str | int | float]

    kind: str
    unit: Unit = "intensity"
    channels: Annotated[int, Field(ge=1, le=4096)] = 1
    width: Width = 0
    logits: Width = 0

    @pydantic.model_validator(mode="after")
    def _fit(self) -> _Modality:
        if self.kind not in list(STORED):
            raise ValueError(f"no stored modality is of kind '{self.kind[:40]}'; a plugin may be missing")
        if self.logits > self.width:
            raise ValueError(f"width {self.width} has no room for {self.logits} logits")
        return self


class _Extracted(_File):
    weights: dict[str, str]
    training_rows: str
    before: _Extracted | None = None


class _Description(_File):
    format: int
    fingerprint: str = Field(min_length=1, max_length=64)
    reader: str
    options: dict[str, str]
    size: Annotated[int, Field(ge=1, le=2**16)]
    modalities: dict[str, _Modality]
    findings: list[Annotated[str, Field(min_length=1)]]
    studies: Annotated[int, Field(ge=1)]
    patients: Count
    patients_unknown: Count = 0
    quarantined: Count
    split: dict[str, int | float]
    splits_digest: str | None = None
    shards: Annotated[int, Field(ge=1, le=100_000)]
    extracted: _Extracted | None = None
    at_use: dict[str, Any] = {}

    @pydantic.model_validator(mode="after")
    def _fit(self) -> _Description:
        if twice := sorted({name for name in self.findings if self.findings.count(name) > 1}):
            raise ValueError(f"findings name '{twice[0]}' twice")
        for name in self.modalities:
            if not name.strip() or name in RESERVED or set(name) & {".", "+", "\0"}:
                raise ValueError(f"modalities name '{name}', which no modality can be called")
        return self


def read_description(folder: Path) -> dict[str, Any]:
    """What `dataset.json` of a folder says. Raises `DataError` where it is no finished store of a format that is read,
    or a line per field that is not what it may be."""
    path = folder / DESCRIPTION
    try:
        content = read_sealed(path, AGAIN)
    except FileNotFoundError:
        started = any(folder.glob("shard-*"))
        hint = (
            "its preparation did not finish; run the same mmdx prepare again"
            if started
            else "make one with mmdx prepare"
        )
        raise DataError(f"{folder}: not a finished store; {hint}") from None
    found = content.get("format")
    if type(found) is not int or found not in READ_FORMATS:
        raise DataError(f"{folder}: not a store of this version's format, {STORE_FORMAT}; {AGAIN}")
    try:
        _Description.model_validate(content)
    except pydantic.ValidationError as error:
        raise DataError([f"{path}: {line}; {AGAIN}" for line in explain(error, _Description)]) from None
    return content


def layout_in(description: Mapping[str, Any]) -> Layout:
    """The layout of a store that is described so."""
    modalities = {name: ModalityFacts.from_json(facts) for name, facts in description["modalities"].items()}
    return Layout(modalities, tuple(description["findings"]), description["size"])
