"""Deflated DICOM files, inflated no further than they are read, and within a bound.

A few megabytes can inflate to any size, and pydicom inflates a file as a whole to read its header.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from mmdx.errors import DataError

MOST_BYTES = 2**29
"""What of a file is inflated at most, in bytes."""
_MOST_META = 2**16
"""In how many bytes from the start the transfer syntax stands."""
_STEP = 2**16
_LONG_VRS = (b"OB", b"OW", b"UN", b"UT", b"SQ")
_TRANSFER_SYNTAX = b"\x02\x00\x10\x00"


@contextmanager
def readable(path: Path) -> Iterator[Path | BinaryIO]:
    """What pydicom is to read: the file, or of a deflated one its content under the uncompressed transfer syntax.

    Raises `DataError` where more than `MOST_BYTES` of it are read, and `OSError` where it is not there.
    """
    with path.open("rb") as file:
        head = file.read(_MOST_META)
        start = _deflated_from(path, head)
        if start is not None:
            file.seek(start)
            yield cast(BinaryIO, _Inflated(path, head[:start], file))
            return
    yield path


def is_deflated(path: Path) -> bool:
    """Whether the file says that it is deflated."""
    with path.open("rb") as file:
        return _deflated_from(path, file.read(_MOST_META)) is not None


def _deflated_from(path: Path, head: bytes) -> int | None:
    """Where the deflated part of a file begins, None where it has none."""
    deflated, at = DeflatedExplicitVRLittleEndian.encode(), 132
    syntax = b""
    while head[at : at + 2] == b"\x02\x00":
        tag, vr = head[at : at + 4], head[at + 4 : at + 6]
        size, begin = (head[at + 8 : at + 12], 12) if vr in _LONG_VRS else (head[at + 6 : at + 8], 8)
        if not vr.isalpha():  # against the standard, implicit
            size, begin = head[at + 4 : at + 8], 8
        value = at + begin
        at = value + int.from_bytes(size, "little")
        syntax = head[value:at] if tag == _TRANSFER_SYNTAX else syntax
    if at > _MOST_META:
        raise DataError(f"{path}: its file meta information has more than {_MOST_META} bytes; export it again")
    return at if syntax.rstrip(b"\0 ") == deflated else None


class _Inflated(io.RawIOBase):
    """A file that is inflated as far as it is read; `head` is what comes before, of which the syntax is exchanged."""

    def __init__(self, path: Path, head: bytes, file: BinaryIO) -> None:
        self.name = str(path)
        deflated = DeflatedExplicitVRLittleEndian.encode()
        plain = ExplicitVRLittleEndian.encode().ljust(len(deflated), b"\0")
        self._content = bytearray(head.replace(deflated, plain))
        self._file, self._at = file, 0
        self._stream = zlib.decompressobj(-zlib.MAX_WBITS)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_END:
            self._fill(MOST_BYTES + 1)
        self._at = max(0, offset + (0, self._at, len(self._content))[whence])
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        end = MOST_BYTES + 1 if size is None or size < 0 else self._at + size
        self._fill(end)
        content = bytes(memoryview(self._content)[self._at : end])
        self._at += len(content)
        return content

    def _fill(self, end: int) -> None:
        while len(self._content) < min(end, MOST_BYTES + 1) and not self._stream.eof:
            raw = self._stream.unconsumed_tail or self._file.read(_STEP)
            content = self._stream.decompress(raw, 16 * _STEP)
            if not raw and not content:
                raise DataError(f"{self.name}: truncated: what is deflated has no end; get the file anew")
            self._content += content
        if len(self._content) > MOST_BYTES:
            raise DataError(f"{self.name}: inflates to more than {MOST_BYTES} bytes; export it uncompressed")
