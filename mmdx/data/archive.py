"""Zip archives, opened with bounds: nothing leaves its folder, nothing unpacks without end."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from mmdx.errors import DataError

MOST_FILES = 20_000
MOST_BYTES = 8 * 2**30


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """The content of a zip in a folder that goes away afterwards.

    Raises `DataError` for a broken archive, an encrypted one, an entry whose path leaves the folder, and for more than
    `MOST_FILES` files or `MOST_BYTES` bytes unpacked.
    """
    with TemporaryDirectory(prefix="mmdx-") as folder:
        try:
            with zipfile.ZipFile(path) as archive:
                entries = [entry for entry in archive.infolist() if not entry.is_dir()]
                _check(path, entries)
                # zipfile holds each entry to the size that the directory states, so the sum above bounds the disk.
                archive.extractall(folder, entries)
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
            raise DataError(f"{path}: cannot be unpacked ({error}); give the unpacked folder instead") from None
        yield Path(folder)


def _check(path: Path, entries: list[zipfile.ZipInfo]) -> None:
    for entry in entries:
        parts = Path(entry.filename).parts
        if Path(entry.filename).is_absolute() or ".." in parts:
            raise DataError(f"{path}: entry '{entry.filename}' leaves the archive's folder; refused")
    total = sum(entry.file_size for entry in entries)
    if len(entries) > MOST_FILES or total > MOST_BYTES:
        raise DataError(
            f"{path}: {len(entries)} files and {total / 2**30:.1f} GiB unpacked are more than the bound of {MOST_FILES} and "
            f"{MOST_BYTES / 2**30:.0f} GiB; give the unpacked folder instead"
        )
