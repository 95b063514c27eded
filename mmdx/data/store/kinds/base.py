"""What a kind of modality says of itself to a store, and the registry of those that do: `STORED`.

A plugin's own kind is a file with a dataclass that inherits `mmdx.study.ModalityFiles`, a line that adds the kind to
`mmdx.kinds.KINDS`, and a class under `@STORED("its name")` that inherits `StoredItems`.
"""

from __future__ import annotations

import dataclasses
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np
import pyarrow as pa
from jaxtyping import Float32, Shaped

from mmdx.data.images.decode import flat_problems
from mmdx.data.images.letterbox import Letterbox
from mmdx.errors import DataError, UsageError, did_you_mean
from mmdx.kinds import KINDS
from mmdx.study import Study, Unit

Item = tuple[tuple[int, ...], np.dtype]
"""The shape and the dtype of one item."""


# `datasets` is imported where a schema is made: what only reads a model would wait for it in vain.
def text_column() -> Any:
    """A column of texts, in the terms of Hugging Face `datasets`."""
    from datasets import Value

    return Value("string")


def numbers_column(dtype: str = "float32") -> Any:
    """A column of flat lists of numbers, in the same terms."""
    from datasets import LargeList, Value

    return LargeList(Value(dtype))


@runtime_checkable
class Row(Protocol):
    """One row of a store; a record batch of Arrow is one."""

    def column(self, i: str, /) -> pa.Array:
        """The cell of a column, an array of one."""
        ...


@dataclass(frozen=True)
class ModalityFacts:
    """What every study's share of a modality has in common: `unit` and `channels` of images, `width` of vectors.

    The last `logits` values of a vector are what the model that left it says of each of its findings. `details` are
    facts of a plugin's kind, by name, and of a stack the channels of each of its modalities.
    """

    kind: str
    unit: Unit = "intensity"
    channels: int = 1
    width: int = 0
    logits: int = 0
    details: tuple[tuple[str, str | int | float], ...] = ()

    def detail(self, name: str) -> str | int | float:
        """A fact of a plugin's kind. Raises `KeyError` where the kind did not say it."""
        return dict(self.details)[name]

    def to_json(self) -> dict[str, Any]:
        plain = dataclasses.asdict(self)
        return {name: value for name, value in plain.items() if name != "details"} | dict(self.details)

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> ModalityFacts:
        names = {field.name for field in dataclasses.fields(cls)}
        details = tuple((name, value) for name, value in raw.items() if name not in names)
        return cls(**{name: value for name, value in raw.items() if name in names}, details=details)


@dataclass(frozen=True)
class Slot:
    """Where a study's share of a modality goes: the `name` of the modality, its facts, the side of stored images in
    pixels, and the findings of the store."""

    name: str
    facts: ModalityFacts
    size: int
    findings: tuple[str, ...]


@dataclass(frozen=True)
class DecodedItems:
    """The items `[n *shape]` of a study, read from its files; of images, `letterboxes` say how sources lie in them, and
    `flat` which of them show nothing."""

    items: Shaped[np.ndarray, "n *shape"]
    letterboxes: Sequence[Letterbox] = ()
    flat: tuple[int, ...] = ()


@dataclass(frozen=True)
class Cells:
    """The cells of a study's row that one modality fills, by column, and what looks wrong in it, a sentence each."""

    columns: Mapping[str, Any]
    letterboxes: Sequence[Letterbox] = ()
    problems: Sequence[str] = ()


class StoredKind(ABC):
    """How modalities of one kind lie in a store. A value is what a reader leaves in `Study.modalities`."""

    @abstractmethod
    def facts(self, value: Any) -> ModalityFacts:
        """What a study's value must have in common with those of other studies."""

    @abstractmethod
    def content(self, facts: ModalityFacts) -> str:
        """What must be one and the same in all studies, in words; studies that hold something else are quarantined."""

    @abstractmethod
    def problems(self, name: str, value: Any) -> list[str]:
        """What forbids to store the value of the modality `name`, one line each; no file is opened."""

    @abstractmethod
    def columns(self, name: str, facts: ModalityFacts) -> dict[str, Any]:
        """The columns of the modality `name`, in the terms of Hugging Face `datasets`."""

    @abstractmethod
    def encode(self, study: Study, slot: Slot) -> Cells:
        """The cells of a study, which may lack the modality. Raises `DataError` where its files cannot be read."""

    @abstractmethod
    def item(self, facts: ModalityFacts, size: int) -> Item:
        """The shape and the dtype of one item as a batch holds it."""

    def count(self, value: Any) -> int | None:
        """How many items a value has; None where its files say so, or the kind has no such number."""
        return None

    def stored_bytes(self, value: Any, facts: ModalityFacts, size: int) -> int:
        """What a value takes in a shard, to keep shards small; 0 where it weighs nothing beside images."""
        return 0


class StoredItems(StoredKind):
    """A kind whose values are arrays of items, in the columns `NAME` (flat), `NAME.length` (0: absent), `NAME.order`
    (certificate, JSON; null where there is none) and `NAME.slice_labels` (flat `[n f]`, empty where none were given).
    """

    noun: str = "items"
    """What its items are called in errors."""

    @abstractmethod
    def decode(self, value: Any, facts: ModalityFacts, size: int) -> DecodedItems:
        """Reads the files of a value. Raises `DataError` where one cannot be read."""

    def columns(self, name: str, facts: ModalityFacts) -> dict[str, Any]:
        from datasets import Value

        _, dtype = self.item(facts, size=0)
        return {
            name: numbers_column(dtype.name),
            f"{name}.length": Value("int64"),
            f"{name}.order": text_column(),
            f"{name}.slice_labels": numbers_column(),
        }

    def encode(self, study: Study, slot: Slot) -> Cells:
        name, value = slot.name, study.modalities.get(slot.name)
        if value is None or isinstance(value, str):
            _, dtype = self.item(slot.facts, slot.size)
            cells = {name: np.empty(0, dtype), f"{name}.length": 0, f"{name}.order": None}
            return Cells(cells | {f"{name}.slice_labels": np.empty(0, dtype=np.float32)})
        decoded, labels = self.decode(value, slot.facts, slot.size), _slice_labels(study, slot)
        count = len(decoded.items)
        # Their files are open only now: until here nobody may have known how many items there are.
        if len(labels) not in (0, count * len(slot.findings)):
            given = len(labels) // len(slot.findings)
            raise DataError(f"{given} slice labels for {count} {self.noun} of '{name}'; give one each")
        if beyond := [box.image for box in study.boxes if box.modality == name and box.image >= count]:
            raise DataError(f"a box points at image {beyond[0]} of '{name}', of {count}; count from 0")
        order = value.order and replace(value.order, pixel_mm=_pixel_mm(decoded.letterboxes))
        cells = {
            name: decoded.items.reshape(-1),
            f"{name}.length": count,
            f"{name}.order": json.dumps(dataclasses.asdict(order)) if order else None,
            f"{name}.slice_labels": labels,
        }
        return Cells(cells, decoded.letterboxes, flat_problems(name, decoded.flat, count))

    def items(self, row: Row, slot: Slot) -> Shaped[np.ndarray, "n *shape"]:
        """The items of a stored row: a read-only view, of n = 0 where the modality is absent."""
        shape, _ = self.item(slot.facts, slot.size)
        return row.column(slot.name).flatten().to_numpy(zero_copy_only=True).reshape(-1, *shape)


K = TypeVar("K", bound=StoredKind)


class StoredKinds(Mapping[str, StoredKind]):
    """How each kind lies in a store, by its name."""

    def __init__(self) -> None:
        self._kinds: dict[str, StoredKind] = {}

    def __call__(self, name: str) -> Callable[[type[K]], type[K]]:
        """The decorator that registers a class for the kind `name` of `KINDS`."""

        def register(kind: type[K]) -> type[K]:
            if KINDS[name].name in self._kinds:
                raise UsageError(f"kind '{name}' is stored in two ways, the second in {kind.__module__}; keep one")
            self._kinds[name] = kind()
            return kind

        return register

    def __getitem__(self, name: str) -> StoredKind:
        if name not in self._kinds:
            raise UsageError(f"no stored modality is of kind '{name}'; {did_you_mean(name, self._kinds)}")
        return self._kinds[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._kinds)

    def __len__(self) -> int:
        return len(self._kinds)


STORED = StoredKinds()


def _pixel_mm(letterboxes: Sequence[Letterbox]) -> tuple[float | None, ...]:
    """The side of a stored pixel of each image, empty where no file says it."""
    sides = [box.pixel_mm for box in letterboxes]
    return tuple(None if side is None else round(side, 6) for side in sides) if any(sides) else ()


def _slice_labels(study: Study, slot: Slot) -> Float32[np.ndarray, " n_f"]:
    """The labels of a study's items, flat; findings that they do not name are unknown."""
    labels = study.slice_labels.get(slot.name)
    if not labels:
        return np.empty(0, dtype=np.float32)
    unknown = [np.nan] * max(map(len, labels.values()))
    return np.array([labels.get(finding, unknown) for finding in slot.findings], dtype=np.float32).T.reshape(-1)
