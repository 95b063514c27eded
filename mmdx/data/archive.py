"""Zip archives, opened with bounds: nothing leaves its folder, nothing unpacks without end."""

from __future__ import annotations

import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from mmdx.errors import DataError

MOST_FILES = 20_000
MOST_BYTES = 8 * 2**30
_BROKEN = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error)


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """The content of a zip in a folder of its name that goes away afterwards; links come out as plain files.

    Raises `DataError` for a broken archive, an encrypted one, an entry whose path leaves the folder or is listed twice,
    and for more than `MOST_FILES` files or `MOST_BYTES` bytes unpacked.
    """
    with TemporaryDirectory(prefix="mmdx-") as temporary:
        # A reader may call a study like the folder that holds it.
        folder = Path(temporary, path.stem)
        try:
            with zipfile.ZipFile(path) as archive:
                entries = [entry for entry in archive.infolist() if not entry.is_dir()]
                _check(path, entries)
                # zipfile holds each entry to the size that the directory states, so the sum above bounds the disk.
                archive.extractall(folder, entries)
        except (OSError, EOFError, ValueError, RuntimeError, *_BROKEN) as error:
            reason = " ".join(str(error).replace(f"{folder}/", "").split())
            raise DataError(f"{path}: cannot be unpacked ({reason}); give the unpacked folder instead") from None
        yield folder


def _check(path: Path, entries: list[zipfile.ZipInfo]) -> None:
    for entry in entries:
        parts = Path(entry.filename).parts
        if Path(entry.filename).is_absolute() or ".." in parts:
            raise DataError(f"{path}: entry '{entry.filename}' leaves the archive's folder; refused")
    names = [entry.filename for entry in entries]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(f"{path}: entry '{twice}' is listed twice, and one would replace the other; refused")
    total = sum(entry.file_size for entry in entries)
    if len(entries) > MOST_FILES or total > MOST_BYTES:
        raise DataError(
            f"{path}: {len(entries)} files and {total / 2**30:.1f} GiB unpacked are more than the bound of "
            f"{MOST_FILES} and {MOST_BYTES / 2**30:.0f} GiB; give the unpacked folder instead"
        )
