"""Rows of a store: read from memory-mapped shards, and held in memory where they are small enough.

How much a store would take is known from its index before anything is read. What is small about all studies (texts,
labels, traits) is held together, and each modality of items by itself, once it is read: all of it, where there is room
for all of it (`mmdx/data/memory.py`), else none of it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache, partial
from pathlib import Path

import pyarrow as pa

from mmdx.data.memory import Reserve
from mmdx.data.store.index import INDEX, Index
from mmdx.data.store.kinds import STORED
from mmdx.data.store.kinds.base import StoredItems
from mmdx.data.store.layout import Layout
from mmdx.data.store.shards import mapped, shard_path
from mmdx.errors import DataError, reason

OPEN_SHARDS = 8
AGAIN = "remove the folder and prepare the store again"
_ROW_BYTES = 8192
"""What the objects around a row take in memory, beside its cells."""


class MappedRows:
    """The rows of mapped shards, of which a few stay mapped; nothing is copied."""

    def __init__(self, folder: Path, schema: pa.Schema, index: Index) -> None:
        self._folder, self._schema, self._index = folder, schema, index
        self._shard = lru_cache(OPEN_SHARDS)(partial(_map_shard, folder, schema))

    def read(self, row: int) -> pa.RecordBatch:
        """One row. Raises `DataError` where its shard is damaged, or holds another study there than the index says."""
        shard, offset, size = self._index.place(row)
        path = shard_path(self._folder, shard)
        try:
            batch = pa.ipc.read_record_batch(self._shard(shard, size).slice(offset), self._schema)
            batch.validate()
        except (pa.ArrowException, OSError, ValueError) as error:
            raise DataError(f"{path}: is damaged ({reason(error)}); {AGAIN}") from None
        if batch.column("study_id")[0].as_py() != self._index.text("study_id", row):
            raise DataError(f"{path}: holds another study than {INDEX} says; {AGAIN}")
        return batch


class Held:
    """Which columns of a store are held in memory: `items` by name, each of so many bytes, and the others together."""

    def __init__(self, items: Mapping[str, int], others: int) -> None:
        self.items = frozenset(items)
        self._sizes, self._others = items, others
        self._reserve = Reserve()
        self._answers: dict[str, bool] = {}

    @classmethod
    def of(cls, index: Index, layout: Layout) -> Held:
        """What the columns of a store take, by its index."""
        items: dict[str, int] = {}
        for name, facts in layout.modalities.items():
            kind = STORED[facts.kind]
            if isinstance(kind, StoredItems):
                shape, dtype = kind.item(facts, layout.size)
                items[name] = int(index.numbers(f"{name}.length").sum()) * math.prod(shape) * dtype.itemsize
        written = sum(index.shards().values()) - sum(items.values())
        return cls(items, max(0, written) + len(index.labels) * _ROW_BYTES)

    def rows(self) -> bool:
        """Whether rows are held, without their items."""
        return self._room("", self._others)

    def column(self, name: str) -> bool:
        """Whether the items `name` are held."""
        return self._room(name, self._sizes[name])

    def _room(self, name: str, size: int) -> bool:
        if name not in self._answers:
            self._answers[name] = self._reserve.take(size)
        return self._answers[name] and self._reserve.mine


class HeldRow:
    """A row in memory: its small cells at once, the items of a modality when they are first asked for, where these are
    held; else they are read from the mapped shard each time."""

    def __init__(self, batch: pa.RecordBatch, number: int, source: MappedRows, held: Held) -> None:
        self._number, self._source, self._held = number, source, held
        small = [name for name in batch.schema.names if name not in held.items]
        self._cells = dict(zip(small, _copied(batch.select(small)).columns, strict=True))

    def column(self, name: str, /) -> pa.Array:
        if name in self._cells:
            return self._cells[name]
        cell = self._source.read(self._number).select([name])
        if not self._held.column(name):
            return cell.column(name)
        self._cells[name] = _copied(cell).column(name)
        return self._cells[name]


def _copied(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The same cells, free of the mapped file."""
    return pa.ipc.read_record_batch(batch.serialize(), batch.schema)


def _map_shard(folder: Path, schema: pa.Schema, shard: int, size: int) -> pa.Buffer:
    path = shard_path(folder, shard)
    check_size(path, size)
    shard_file = mapped(path)
    if pa.ipc.read_schema(shard_file) != schema:
        raise DataError(f"{path}: its columns are not those of dataset.json; {AGAIN}")
    return shard_file


def check_size(path: Path, size: int) -> None:
    """Raises `DataError` where a shard is missing, or shorter or longer than it was written."""
    try:
        length = path.stat().st_size
    except FileNotFoundError:
        raise DataError(f"{path}: missing from a finished store; {AGAIN}") from None
    if length != size:
        raise DataError(f"{path}: is damaged ({length} bytes, {size} were written); {AGAIN}")
