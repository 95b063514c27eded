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
    places: set[str] = set()
    for entry in entries:
        name = entry.filename
        parts = [part for part in name.split("/") if part not in ("", ".")]
        if Path(name).is_absolute() or ".." in parts or not parts:
            raise DataError(f"{path}: entry '{name}' leaves the archive's folder; refused")
        # a/b, ./a/b and a//b are unpacked to one place.
        place = "/".join(parts)
        if place in places:
            raise DataError(f"{path}: entry '{name}' is listed twice, and one would replace the other; refused")
        places.add(place)
    total = sum(entry.file_size for entry in entries)
    if len(entries) > MOST_FILES or total > MOST_BYTES:
        raise DataError(
            f"{path}: {len(entries)} files and {total / 2**30:.1f} GiB unpacked are more than the bound of "
            f"{MOST_FILES} and {MOST_BYTES / 2**30:.0f} GiB; give the unpacked folder instead"
        )
