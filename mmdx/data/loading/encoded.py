"""What a frozen encoder gave for the images of a store, on disk: `KEY.npy` `[n d]`, and `KEY.json`, which says of what.

The account is written last: with it the file is whole. Files are arrays and nothing else: pickled objects are refused
unread.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from jaxtyping import Float32, Int
from numpy.lib import format as npy

from mmdx.errors import DataError, reason
from mmdx.files import write_json
from mmdx.strangers.bounded import read_json

HELD = 2**28
"""Bytes up to which descriptors are held in memory; larger ones stay on disk, memory-mapped."""
OPEN = 4
_BLOCK = 2**22


@dataclass(frozen=True, eq=False)
class Encoded:
    """Descriptors of one modality of a store: `values [n d]` of all its images, study after study as the store's rows.

    Of each study they stand in certified order, study `r` at `starts[r]` to `starts[r + 1]`. `fingerprint` is that of
    the store. Sent to another process, it is opened anew there.
    """

    path: Path
    fingerprint: str
    values: Float32[np.ndarray, "n d"]
    starts: Int[np.ndarray, "_"]

    def __reduce__(self) -> tuple[Any, tuple[Path]]:
        return read_encoded, (self.path,)

    @property
    def width(self) -> int:
        return self.values.shape[1]

    def of(self, row: int) -> Float32[np.ndarray, "k d"]:
        """The descriptors of one study, read-only; of none where it lacks the modality."""
        return self.values[self.starts[row] : self.starts[row + 1]]


NOTHING_ENCODED: Mapping[str, Encoded] = MappingProxyType({})


def lay_out(path: Path, count: int, width: int) -> None:
    """A file for `count` descriptors, of which none is written yet."""
    with path.open("wb") as file:
        npy.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": (count, width)})
        file.truncate(file.tell() + 4 * count * width)


def put(path: Path, start: int, count: int, values: Float32[np.ndarray, "k d"]) -> None:
    """Writes descriptors from `start` on into a file that was laid out for `count`; processes may do so side by side.

    They are written and not mapped: a full disk is then an error, and not the end of the process.
    """
    body = path.stat().st_size - 4 * count * values.shape[1]
    with path.open("r+b") as file:
        file.seek(body + 4 * start * values.shape[1])
        file.write(np.ascontiguousarray(values, dtype="<f4").tobytes())


def write_account(path: Path, lengths: Sequence[int], parts: Mapping[str, Any]) -> None:
    """Says of a whole file what it holds: how many images each study has, and `parts`, on which the values depend;
    `parts["store"]` is the fingerprint of the store."""
    write_json(account_of(path), {**parts, "digest": _digest(path), "lengths": list(lengths)})


def account_of(path: Path) -> Path:
    return path.with_suffix(".json")


def read_encoded(path: Path) -> Encoded:
    """The descriptors in a file. Raises `DataError` where it, or its account, is broken."""
    try:
        stat = path.stat()
    except OSError as error:
        raise _broken(path, error.strerror or "") from None
    return _read(path, stat.st_mtime_ns, stat.st_size)


@lru_cache(OPEN)
def _read(path: Path, changed: int, size: int) -> Encoded:
    """`read_encoded` of a file as it was changed last; folds and showings of one process share what is held."""
    try:
        account = read_json(account_of(path))
        starts = np.concatenate([[0], np.cumsum(account["lengths"], dtype=np.int64)]).astype(np.int64)
        values = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # numpy raises whatever a broken header makes its parsers stumble over
        raise _broken(path, reason(error)) from None
    if values.ndim != 2 or values.dtype != np.float32 or len(values) != starts[-1]:
        raise _broken(path, f"{values.dtype} {list(values.shape)} for {starts[-1]} images")
    if values.nbytes <= HELD:
        if _digest(path) != account.get("digest"):
            raise _broken(path, "other values than were written")
        values = np.array(values)
        values.flags.writeable = False
    return Encoded(path, account["store"], np.asarray(values), starts)


def _broken(path: Path, why: str) -> DataError:
    return DataError(f"{path}: descriptors that cannot be read ({why}); remove the file, and train makes it anew")


def _digest(path: Path) -> str:
    digest = hashlib.blake2b(digest_size=16)
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
