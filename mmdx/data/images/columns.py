"""Columns of Arrow and Parquet files, read forward, a few rows at a time; rows are counted from 0 in their file.

An image column holds, in each cell, an image or a list of images: encoded bytes, the path of a file, or both as a
struct of `bytes` and `path`, which is how Hugging Face `datasets` stores them. Nothing here decodes an image.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from mmdx.data.files import refuse_special
from mmdx.errors import DataError, reason, refuse_lack

SUFFIXES = (".arrow", ".parquet")
_ROWS = 16
"""Rows of a Parquet file that are handed out at a time; beside them one page of it (about 1000 rows) is in memory."""


def schema(path: Path) -> pa.Schema:
    """The columns of the file. Raises `DataError` where it is neither Arrow nor Parquet."""
    with _readable(path):
        if path.suffix.lower() == ".parquet":
            return pq.read_schema(path, memory_map=True)
        with _arrow(path) as reader:
            return reader.schema


def batches(path: Path, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Rows in their order, with these columns alone. Raises `DataError` where the file cannot be read."""
    with _readable(path):
        if path.suffix.lower() == ".parquet":
            # Mapped and not buffered ahead: else a whole row group, often the whole file, would come into memory.
            with pq.ParquetFile(path, memory_map=True, pre_buffer=False) as file:
                yield from (batch.select(columns) for batch in file.iter_batches(_ROWS, columns=list(columns)))
            return
        with _arrow(path) as reader:
            if isinstance(reader, pa.RecordBatchFileReader):
                yield from (reader.get_batch(i).select(columns) for i in range(reader.num_record_batches))
            else:
                yield from (batch.select(columns) for batch in reader)


def holds_images(kind: pa.DataType) -> bool:
    """Whether a column of this type holds images, or lists of them, for certain: structs with bytes and a path."""
    kind = _item(kind)
    return pa.types.is_struct(kind) and {field.name for field in kind} == {"bytes", "path"}


def images_of(cell: pa.Scalar, where: str) -> list[tuple[bytes | None, str | None]]:
    """Bytes and path of each image in a cell, none for an empty one. Raises `DataError` for anything else."""
    if not cell.is_valid:
        return []
    items = list(cell.values) if isinstance(cell, pa.ListScalar | pa.LargeListScalar) else [cell]
    return [_image(item, where if len(items) == 1 else f"{where}, image {i}") for i, item in enumerate(items)]


def encoded(path: Path, key: str, row: int) -> bytes:
    """The encoded image in a row of column `key`; `COLUMN[3]` is the fourth of a list. Raises `DataError` without one.

    A column is kept open where it was left and read forward from there, so that neighbouring rows cost no second
    reading; an earlier row starts it anew.
    """
    names = schema(path).names
    listed = None if key in names else re.fullmatch(r"(.+)\[(\d+)\]", key)
    column, index = (listed[1], int(listed[2])) if listed else (key, 0)
    where = place(path, row, column)
    if column not in names:
        raise DataError(f"{where}: there is no such column any more; read the data set again")
    stamp = path.stat()
    images = images_of(_cursor(path, column, stamp.st_mtime_ns, stamp.st_size).cell(row), where)
    content = images[index][0] if index < len(images) else None
    if content is None:
        raise DataError(f"{where}: holds no image {index} any more; read the data set again")
    return content


def place(path: Path, row: int, column: str) -> str:
    """A cell as errors name it."""
    return f"{path}, row {row} (from 0), column '{column}'"


class _Cursor:
    """A column that is read forward, with the rows at hand; an earlier row starts it anew."""

    def __init__(self, path: Path, column: str) -> None:
        self._path, self._column = path, column
        self._start()

    def cell(self, row: int) -> pa.Scalar:
        if row < self._first:
            self._start()
        while row >= self._first + len(self._cells):
            self._first += len(self._cells)
            batch = next(self._left, None)
            if batch is None:
                raise DataError(f"{self._path}: no row {row}; it has {self._first}, counted from 0")
            self._cells = batch.column(0)
        return self._cells[row - self._first]

    def _start(self) -> None:
        self._left = batches(self._path, [self._column])
        self._first, self._cells = 0, pa.nulls(0)


@lru_cache(maxsize=4)
def _cursor(path: Path, column: str, modified: int, size: int) -> _Cursor:
    """The open columns of this process: several, since a study may take images from as many. A changed file is new."""
    return _Cursor(path, column)


def _image(item: pa.Scalar, where: str) -> tuple[bytes | None, str | None]:
    kind = item.type
    if not item.is_valid:
        content = (None, None)
    elif holds_images(kind):
        content = (item["bytes"].as_py(), item["path"].as_py())
    elif pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        content = (item.as_py(), None)
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
        content = (None, item.as_py())
    else:
        raise DataError(f"{where}: holds {kind}, no image; name a column of images")
    if content[0] is None and not content[1]:
        raise DataError(f"{where}: is empty, neither bytes nor a path; fill it in or leave the image out")
    return content


def _item(kind: pa.DataType) -> pa.DataType:
    listed = pa.types.is_list(kind) or pa.types.is_large_list(kind)
    return kind.value_type if listed else kind


@contextmanager
def _arrow(path: Path) -> Iterator[pa.RecordBatchStreamReader | pa.RecordBatchFileReader]:
    with pa.memory_map(str(path)) as source:
        whole_file = source.read(6) == b"ARROW1"
        source.seek(0)
        with pa.ipc.open_file(source) if whole_file else pa.ipc.open_stream(source) as reader:
            yield reader


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        refuse_special(path)
        yield
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; put it there or correct the path") from None
    except (pa.ArrowException, OSError) as error:
        refuse_lack(error, path)
        raise DataError(f"{path}: cannot be read as {path.suffix[1:] or 'Arrow'}: {reason(error)}") from None
