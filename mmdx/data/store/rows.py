"""Rows of a store: read from memory-mapped shards, and held in memory where they are small enough.

How much a store would take is known from its index before anything is read. What is small about all studies (texts,
labels, traits) is held together, and each modality of items by itself, once it is read: all of it, where there is room
for all of it (`mmdx/data/memory.py`), else none of it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from mmdx.data.memory import Reserve
from mmdx.data.store.description import AGAIN
from mmdx.data.store.index import INDEX, Index
from mmdx.data.store.kinds import STORED
from mmdx.data.store.kinds.base import StoredItems
from mmdx.data.store.layout import Layout
from mmdx.data.store.shards import mapped, shard_path
from mmdx.errors import DataError, reason, refuse_lack
from mmdx.strangers.bounded import regular

OPEN_SHARDS = 8
_ROW_BYTES = 8192
"""What the objects around a row take in memory, beside its cells."""


class MappedRows:
    """The rows of mapped shards, of which a few stay mapped; nothing is copied."""

    def __init__(self, folder: Path, layout: Layout, index: Index) -> None:
        self._folder, self._layout, self._schema, self._index = folder, layout, layout.schema, index
        self._fitting = np.zeros(len(index.labels), dtype=bool)
        self._shard = lru_cache(OPEN_SHARDS)(partial(_map_shard, folder, self._schema))

    def read(self, row: int) -> pa.RecordBatch:
        """One row, looked into when it is first read. Raises `DataError` where its shard is damaged, or holds another
        study there than the index says."""
        shard, offset, size = self._index.place(row)
        path = shard_path(self._folder, shard)
        try:
            batch = pa.ipc.read_record_batch(self._shard(shard, size).slice(offset), self._schema)
            batch.validate(full=not self._fitting[row])
        except (pa.ArrowException, OSError, ValueError, IndexError, OverflowError) as error:
            refuse_lack(error, path)
            raise DataError(f"{path}: is damaged ({reason(error)}); {AGAIN}") from None
        if len(batch) != 1 or batch.column("study_id")[0].as_py() != self._index.text("study_id", row):
            raise DataError(f"{path}: holds another study than {INDEX} says; {AGAIN}")
        if not self._fitting[row]:
            if (odd := self._oddity(batch, row)) is not None:
                raise DataError(f"{path}: study '{self._index.text('study_id', row)}': {odd}; {AGAIN}")
            self._fitting[row] = True
        return batch

    def _oddity(self, batch: pa.RecordBatch, row: int) -> str | None:
        """What of a row is not what the index says, or does not fit itself; None where all of it does."""
        findings = len(self._layout.findings)
        if batch.column("patient_id")[0].as_py() != self._index.text("patient_id", row):
            return f"is of another patient than {INDEX} says"
        labels = _flat(batch.column("labels"))
        if not np.array_equal(labels, self._index.labels[row], equal_nan=True):
            return f"has other labels than {INDEX} says"
        for name, facts in self._layout.modalities.items():
            kind = STORED[facts.kind]
            if not isinstance(kind, StoredItems):
                continue
            length = int(self._index.numbers(f"{name}.length")[row])
            if batch.column(f"{name}.length")[0].as_py() != length:
                return f"has {batch.column(f'{name}.length')[0]} {kind.noun} of '{name}', {length} by {INDEX}"
            if _source(batch.column(f"{name}.order")[0].as_py()) != self._index.text(f"{name}.order", row):
                return f"has another order of '{name}' than {INDEX} says"
            size, labelled = math.prod(kind.item(facts, self._layout.size)[0]), _count(batch, f"{name}.slice_labels")
            if _count(batch, name) != length * size:
                return f"holds {_count(batch, name)} numbers for {length} {kind.noun} of '{name}'"
            if labelled not in (0, length * findings):
                return f"holds {labelled} slice labels for {length} {kind.noun} of '{name}' and {findings} findings"
        return None


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


def _flat(cells: pa.Array) -> np.ndarray:
    """The numbers of a list, NaN where one is null."""
    return cells.flatten().to_numpy(zero_copy_only=False)


def _source(certificate: str | None) -> str | None:
    """The evidence in an order certificate; of one that cannot be read, what no index says."""
    try:
        return certificate and str(json.loads(certificate)["source"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return "no certificate"


def _count(batch: pa.RecordBatch, name: str) -> int:
    """How many numbers the list of a row holds; -1 where it, or one of them, is null."""
    cells = batch.column(name)
    return -1 if cells.null_count or cells.flatten().null_count else len(cells.flatten())


def _map_shard(folder: Path, schema: pa.Schema, shard: int, size: int) -> pa.Buffer:
    path = shard_path(folder, shard)
    check_size(path, size)
    shard_file = mapped(regular(path))
    if pa.ipc.read_schema(shard_file) != schema:
        raise DataError(f"{path}: its columns are not those of dataset.json; {AGAIN}")
    return shard_file


def check_size(path: Path, size: int) -> None:
    """Raises `DataError` where a shard is missing, or shorter or longer than it was written."""
    try:
        length = regular(path).stat().st_size
    except FileNotFoundError:
        raise DataError(f"{path}: missing from a finished store; {AGAIN}") from None
    if length != size:
        raise DataError(f"{path}: is damaged ({length} bytes, {size} were written); {AGAIN}")
