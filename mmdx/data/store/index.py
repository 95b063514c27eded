"""`index.arrow`: what is small about every study of a store, and where its row lies.

One record batch, memory-mapped: opening it takes as long for a hundred thousand studies as for a hundred. Columns:
`study_id`, `patient_id`, `split` (as dealt), `labels [f]`, for images and vectors `NAME.length` and `NAME.order` (the
source of the order certificate, null: none), `shard`, `offset` (where the row starts in its shard) and `shard_bytes`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pyarrow as pa
from jaxtyping import Float, Int

from mmdx.data.splits.splits import Splits
from mmdx.data.store.description import AGAIN as _AGAIN
from mmdx.data.store.layout import Layout
from mmdx.data.store.shards import mapped, shard_path
from mmdx.errors import DataError, reason, refuse_lack
from mmdx.files import written
from mmdx.strangers.bounded import regular
from mmdx.study import SPLITS, OrderSource, Split

INDEX = "index.arrow"
_WORDS: tuple[Split, ...] = (*SPLITS, "unused")


def index_schema(layout: Layout) -> pa.Schema:
    """The columns of the index of a store with this layout."""
    columns = [("study_id", pa.string()), ("patient_id", pa.string()), ("split", pa.string())]
    columns.append(("labels", pa.large_list(pa.float32())))
    for name in layout.features():
        if name.endswith(".length"):
            columns.append((name, pa.int64()))
        elif name.endswith(".order"):
            columns.append((name, pa.string()))
    return pa.schema([*columns, ("shard", pa.int32()), ("offset", pa.int64()), ("shard_bytes", pa.int64())])


def gather_index(folder: Path, shards: int, layout: Layout) -> dict[str, list[Any]]:
    """The columns of the index, but for `split`, out of the shards themselves, a shard at a time."""
    columns: dict[str, list[Any]] = {name: [] for name in index_schema(layout).names if name != "split"}
    rows = layout.schema
    for index in range(shards):
        path = shard_path(folder, index)
        size = path.stat().st_size
        for offset, row in _rows(path, rows):
            place = {"shard": index, "offset": offset, "shard_bytes": size}
            for name, values in columns.items():
                values.append(place[name] if name in place else _small(name, row))
    return columns


def _rows(path: Path, schema: pa.Schema) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Each row of a shard, and where it starts."""
    try:
        file = pa.BufferReader(mapped(path))
        if pa.ipc.read_schema(file) != schema:
            raise DataError(f"{path}: its columns are not those of this store; {_AGAIN}")
        while True:
            offset = file.tell()
            try:
                message = pa.ipc.read_message(file)
            except EOFError:
                return
            row = pa.ipc.read_record_batch(message, schema)
            row.validate(full=True)
            yield offset, row
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(f"{path}: is damaged ({reason(error)}); {_AGAIN}") from None


def _small(name: str, row: pa.RecordBatch) -> Any:
    """A copy, free of the mapped file."""
    if name == "labels":
        return row.column(name).flatten().to_numpy().copy()
    value = row.column(name)[0].as_py()
    return json.loads(value)["source"] if name.endswith(".order") and value else value


def write_index(folder: Path, columns: dict[str, list[Any]], splits: Splits, layout: Layout) -> None:
    """Writes the index, in one step."""
    arrays = []
    for field in index_schema(layout):
        if field.name == "labels":
            values = np.concatenate([np.empty(0, dtype=np.float32), *columns["labels"]])
            ends = np.arange(len(columns["labels"]) + 1, dtype=np.int64) * len(layout.findings)
            arrays.append(pa.LargeListArray.from_arrays(pa.array(ends), pa.array(values)))
        else:
            arrays.append(pa.array(splits.words if field.name == "split" else columns[field.name], field.type))
    batch = pa.record_batch(arrays, schema=index_schema(layout))
    with (
        written(folder / INDEX) as partial,
        pa.OSFile(str(partial), "wb") as sink,
        pa.ipc.new_file(sink, batch.schema) as writer,
    ):
        writer.write_batch(batch)


def _open(path: Path, schema: pa.Schema) -> pa.RecordBatch:
    """The one record batch of an index, every cell of which can be read."""
    try:
        regular(path)
        reader = pa.ipc.open_file(mapped(path))
        if reader.schema != schema:
            raise DataError(f"{path}: its columns are not those of dataset.json; {_AGAIN}")
        if reader.num_record_batches != 1:
            raise DataError(f"{path}: holds {reader.num_record_batches} tables instead of one; {_AGAIN}")
        batch: pa.RecordBatch = reader.get_batch(0)
        batch.validate(full=True)
    except FileNotFoundError:
        raise DataError(f"{path}: missing from a finished store; {_AGAIN}") from None
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        refuse_lack(error, path)
        raise DataError(f"{path}: is damaged ({reason(error)}); {_AGAIN}") from None
    empty = [name for name in batch.schema.names if batch.column(name).null_count and not name.endswith(".order")]
    if empty or batch.column("labels").flatten().null_count:
        raise DataError(f"{path}: its column {(empty or ['labels'])[0]} has empty cells; {_AGAIN}")
    return batch


class Index:
    """The index of a finished store, open; arrays are views of the mapped file. Raises `DataError` where it is bad."""

    def __init__(self, folder: Path, layout: Layout, studies: int, shards: int) -> None:
        self._path = folder / INDEX
        self._batch = _open(self._path, index_schema(layout))
        if len(self._batch) != studies:
            raise DataError(f"{folder}: its index holds {len(self._batch)} studies, not {studies}; {_AGAIN}")
        self._shard, self._offset, self._bytes = (self.numbers(n) for n in ("shard", "offset", "shard_bytes"))
        flat = self._batch.column("labels").flatten().to_numpy(zero_copy_only=True)
        lists = self._batch.column("labels").value_lengths().to_numpy(zero_copy_only=False)
        if len(flat) != studies * len(layout.findings) or (lists != len(layout.findings)).any():
            raise DataError(f"{self._path}: {len(flat)} labels for {studies} studies; {_AGAIN}")
        self.labels: Float[np.ndarray, "n f"] = flat.reshape(studies, len(layout.findings))
        if (odd := self._oddity(shards)) is not None:
            raise DataError(f"{self._path}: {odd}; {_AGAIN}")

    def _oddity(self, shards: int) -> str | None:
        """What no store can hold; None where all is as it may be."""
        lengths = [name for name in self._batch.schema.names if name.endswith(".length")]
        orders = [name for name in self._batch.schema.names if name.endswith(".order")]
        known = {"split": set(_WORDS), **{name: {None, *get_args(OrderSource)} for name in orders}}
        wrong = {
            "shard": (self._shard < 0) | (self._shard >= shards),
            "offset": (self._offset < 0) | (self._offset >= self._bytes),
            "labels": ~np.isin(self.labels, (0, 1)) & ~np.isnan(self.labels),
            **{name: self.numbers(name) < 0 for name in lengths},
        }
        for name, values in known.items():
            if strange := {*self._batch.column(name).unique().to_pylist()} - values:
                return f"its column {name} holds {next(iter(strange))!r}"
        return next((f"its column {name} holds what it cannot" for name, bad in wrong.items() if bad.any()), None)

    def numbers(self, column: str) -> Int[np.ndarray, " n"]:
        return self._batch.column(column).to_numpy(zero_copy_only=True)

    def texts(self, column: str) -> list[str]:
        return self._batch.column(column).to_pylist()

    def text(self, column: str, row: int) -> str | None:
        return self._batch.column(column)[row].as_py()

    def of_modalities(self) -> dict[str, list[int] | list[str | None]]:
        """The columns `NAME.length` and `NAME.order`."""
        names = [name for name in self._batch.schema.names if name.endswith((".length", ".order"))]
        return {name: self._batch.column(name).to_pylist() for name in names}

    def splits(self) -> Splits:
        """As they were dealt."""
        codes = self._batch.column("split").dictionary_encode()
        words: list[Split] = codes.dictionary.to_pylist()
        return Splits(tuple(words[code] for code in codes.indices.to_pylist()), tuple(self.texts("patient_id")))

    def place(self, row: int) -> tuple[int, int, int]:
        """The shard that holds a row, where the row starts in it, and the length of the shard's file."""
        return int(self._shard[row]), int(self._offset[row]), int(self._bytes[row])

    def shards(self) -> dict[int, int]:
        """Every shard that holds a row, and its length."""
        numbers, first = np.unique(self._shard, return_index=True)
        return dict(zip(numbers.tolist(), self._bytes[first].tolist(), strict=True))
