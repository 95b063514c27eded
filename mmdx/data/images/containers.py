"""Images inside files that hold many: arrays of a NumPy archive (`.npz`), and columns of Arrow and Parquet files.

An `ImageRef` into one has a `key`, the name of the array or column, and a `frame`, the place in it. Arrays are
`[n h w]` (grey), `[n h w 1]`, `[n h w 3]` (RGB, uint8) or `[n d h w]` (grey volumes of d slices, of which slice j of
volume i is frame `i * d + j`). Nothing is unpickled.
"""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal, cast

import numpy as np

from mmdx.data.files import COMPRESSIONS, refuse_special
from mmdx.data.images import columns
from mmdx.data.images.plain import MAX_PIXELS
from mmdx.errors import DataError, did_you_mean, reason, refuse_lack

MOST_BYTES = 2**28
"""What an array of labels takes at most."""
_FEWER = "holds fewer numbers than it says; fetch the file again"
Items = Iterator[tuple[str, np.ndarray | bytes]]


@dataclass(frozen=True)
class ArrayFacts:
    """What an array of images holds: `count` images, or volumes of `slices` each, of `height` and `width` pixels."""

    count: int
    slices: int
    height: int
    width: int
    channels: Literal[1, 3]
    dtype: np.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """That of one frame."""
        return (self.height, self.width, 3) if self.channels == 3 else (self.height, self.width)


def items(path: Path, key: str, frames: Sequence[int]) -> Items:
    """Where each frame stands, and what is there: `[h w]` uint8 or float32, `[h w 3]` uint8, or encoded bytes.

    Raises `DataError` where the file, the key or the frame is not there or cannot be read.
    """
    for frame in frames:
        if path.suffix.lower() != ".npz":
            yield columns.place(path, frame, key), columns.encoded(path, key, frame)
            continue
        where = f"{path}, array '{key}', image {frame}"
        with _readable(path):
            stamp = path.stat()
            pixels = _stream(path, key, stamp.st_mtime_ns, stamp.st_size).frame(frame, where)
        yield where, pixels


def array_facts(path: Path, key: str) -> ArrayFacts:
    """What the array `key` of a NumPy archive holds, from its header alone. Raises `DataError` for other arrays."""
    with _readable(path):
        return _Stream(path, key).facts


def array_names(path: Path) -> list[str]:
    """The arrays of a NumPy archive. Raises `DataError` where it is none."""
    with _readable(path), zipfile.ZipFile(path) as archive:
        return [name.removesuffix(".npy") for name in archive.namelist()]


def array(path: Path, key: str) -> np.ndarray:
    """A whole array of numbers, for labels. Raises `DataError` for Python objects and what cannot be read."""
    with _readable(path), zipfile.ZipFile(path) as archive, _entry(archive, path, key) as file:
        shape, fortran, dtype = _header(file, where := f"{path}, array '{key}'")
        size = math.prod(shape) * dtype.itemsize
        if size > MOST_BYTES:
            raise DataError(f"{where}: claims {size} bytes; labels take {MOST_BYTES} at most")
        content = file.read(size)
        if len(content) < size:
            raise DataError(f"{where}: {_FEWER}")
        return np.frombuffer(content, dtype).reshape(shape, order="F" if fortran else "C")


class _Stream:
    """An array inside an archive, decompressed from front to back, of which one frame is in memory at a time."""

    def __init__(self, path: Path, key: str) -> None:
        archive = zipfile.ZipFile(path)
        self._where = f"{path}, array '{key}'"
        self._file = _entry(archive, path, key)
        self.facts = _facts(self._file, self._where)
        self._start = self._file.tell()
        self._size = math.prod(self.facts.shape) * self.facts.dtype.itemsize
        self._frames = self.facts.count * self.facts.slices
        if archive.getinfo(f"{key}.npy").file_size < self._start + self._frames * self._size:
            raise DataError(f"{self._where}: {_FEWER}")

    def frame(self, index: int, where: str) -> np.ndarray:
        if not 0 <= index < self._frames:
            raise DataError(f"{self._where}: no image {index}; it has {self._frames}, counted from 0")
        self._file.seek(self._start + index * self._size)  # forward decompresses, backward starts anew
        content = self._file.read(self._size)
        if len(content) < self._size:
            raise DataError(f"{self._where}: {_FEWER}")
        pixels = np.frombuffer(content, self.facts.dtype).reshape(self.facts.shape)
        if pixels.dtype == np.uint8:
            return pixels
        if not np.isfinite(pixels).all():
            raise DataError(f"{where}: pixels that are no numbers (NaN or infinite)")
        return pixels.astype(np.float32)


# A compressed array can only be read from its front, and studies come to a process in ascending order: the stream is
# kept where the last one left it. One, since a process reads one array at a time and an archive may be large.
@lru_cache(maxsize=1)
def _stream(path: Path, key: str, modified: int, size: int) -> _Stream:
    return _Stream(path, key)


def _facts(file: zipfile.ZipExtFile, where: str) -> ArrayFacts:
    shape, fortran, dtype = _header(file, where)
    if fortran and len(shape) > 1:
        raise DataError(f"{where}: stored column by column; save np.ascontiguousarray of it")
    if len(shape) == 4 and shape[3] in (1, 3):
        (count, height, width, channels), slices = shape, 1
    elif len(shape) == 4:
        (count, slices, height, width), channels = shape, 1
    elif len(shape) == 3:
        (count, height, width), slices, channels = shape, 1, 1
    else:
        raise DataError(f"{where}: shape {shape}; images are [n h w], [n h w 3] or [n d h w]")
    if channels == 3 and dtype != np.uint8:
        raise DataError(f"{where}: colours of type {dtype}; save them as uint8")
    if height * width == 0:
        raise DataError(f"{where}: shape {shape} has no pixels; save the images again")
    if height * width > MAX_PIXELS:
        raise DataError(f"{where}: more than {MAX_PIXELS} pixels an image; scale it down first")
    return ArrayFacts(count, slices, height, width, 3 if channels == 3 else 1, dtype)


def _entry(archive: zipfile.ZipFile, path: Path, key: str) -> zipfile.ZipExtFile:
    """An array of the archive, open at its start."""
    names = [name.removesuffix(".npy") for name in archive.namelist()]
    if key not in names:
        raise DataError(f"{path}: no array '{key}'; {did_you_mean(key, names)}")
    if archive.getinfo(f"{key}.npy").compress_type not in COMPRESSIONS:
        raise DataError(f"{path}, array '{key}': compressed in a way that is not read; save it with NumPy")
    return cast(zipfile.ZipExtFile, archive.open(f"{key}.npy"))


def _header(file: zipfile.ZipExtFile, where: str) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, whether it is stored column by column, and dtype; of others than plain arrays the header has no bound."""
    version = np.lib.format.read_magic(file)
    if version != (1, 0):
        raise DataError(f"{where}: NumPy format {version[0]}.{version[1]} is for tables; save a plain array")
    shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
    if dtype.kind not in "buif":
        raise DataError(f"{where}: holds {dtype}, no numbers; save numbers")
    return shape, fortran, dtype


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        refuse_special(path)
        yield
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; put it there or correct the path") from None
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
        refuse_lack(error, path)
        raise DataError(f"{path}: cannot be read as a NumPy archive: {reason(error)}") from None
