"""`index.arrow`: what is small about every study of a store, and where its row lies.

One record batch, memory-mapped: opening it takes as long for a hundred thousand studies as for a hundred. Columns:
`study_id`, `patient_id`, `split` (as dealt), `labels [f]`, for images and vectors `NAME.length` and `NAME.order` (the
source of the order certificate, null: none), `shard`, `offset` (where the row starts in its shard) and `shard_bytes`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Float, Int

from mmdx.data.splits.splits import Splits
from mmdx.data.store.layout import Layout
from mmdx.data.store.shards import mapped, shard_path
from mmdx.errors import DataError, reason
from mmdx.files import written
from mmdx.study import Split

INDEX = "index.arrow"
_AGAIN = "remove the folder and prepare the store again"


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
            yield offset, pa.ipc.read_record_batch(message, schema)
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


class Index:
    """The index of a finished store, open; arrays are views of the mapped file. Raises `DataError` where it is bad."""

    def __init__(self, folder: Path, layout: Layout, studies: int) -> None:
        self._path = folder / INDEX
        try:
            reader = pa.ipc.open_file(mapped(self._path))
            self._batch: pa.RecordBatch = reader.get_batch(0)
            self._batch.validate()
        except FileNotFoundError:
            raise DataError(f"{self._path}: missing from a finished store; {_AGAIN}") from None
        except (pa.ArrowException, OSError, ValueError) as error:
            raise DataError(f"{self._path}: is damaged ({reason(error)}); {_AGAIN}") from None
        if reader.schema != index_schema(layout):
            raise DataError(f"{self._path}: its columns are not those of dataset.json; {_AGAIN}")
        if len(self._batch) != studies:
            raise DataError(f"{folder}: its index holds {len(self._batch)} studies, not {studies}; {_AGAIN}")
        self._shard, self._offset, self._bytes = (self.numbers(n) for n in ("shard", "offset", "shard_bytes"))
        flat = self._batch.column("labels").flatten().to_numpy(zero_copy_only=True)
        if len(flat) != studies * len(layout.findings):
            raise DataError(f"{self._path}: {len(flat)} labels for {studies} studies; {_AGAIN}")
        self.labels: Float[np.ndarray, "n f"] = flat.reshape(studies, len(layout.findings))

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
