"""Names and archives of other people: paths stay inside the data set's own folder, and a zip unpacks within bounds.

A table is somebody else's file: a name in it must not make us read, and later publish, a file from elsewhere.
"""

from __future__ import annotations

import codecs
import lzma
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PureWindowsPath
from tempfile import TemporaryDirectory

from mmdx.errors import DataError, reason

MOST_FILES = 20_000
MOST_BYTES = 8 * 2**30
"""The bounds of an archive: files, and bytes when it is unpacked."""
MOST_TEXT = 10_000_000
"""The longest text of one study, in characters of a cell or bytes of a file."""
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_BROKEN = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error)
_IGNORED = ("__MACOSX", "Thumbs.db", "desktop.ini", "DICOMDIR")


def decoded(raw: bytes, encoding: str = "utf-8") -> str:
    """The text of a file: by the byte order mark that it begins with, which is dropped, else in `encoding`.

    Raises `UnicodeError` where it is not that, `LookupError` where there is no such encoding.
    """
    encoding = next((name for mark, name in _MARKS if raw.startswith(mark)), encoding)
    text = raw.decode(encoding)
    if "\0" in text:
        raise UnicodeError("it holds zero bytes, as UTF-16 without a byte order mark does")
    return text


def inside(root: Path, name: str, where: str, *, outside: bool = False) -> Path:
    """`root / name`, existing, neither absolute nor outside `root`, links followed; with `outside`, wherever it lies.

    Where no file has a name with backslashes, they are read as slashes. Raises `DataError` at the place `where` for a
    name that is empty, leaves the folder or is not there.
    """
    if not name.strip() or "\0" in name:
        raise DataError(f"{where}: {name!r} is no file name; correct it")
    if "\\" in name and not PureWindowsPath(name).drive and not os.path.lexists(root / name):
        name = name.replace("\\", "/")
    if not outside and (Path(name).is_absolute() or PureWindowsPath(name).is_absolute() or PureWindowsPath(name).drive):
        raise DataError(f"{where}: '{name}' is absolute; write it relative to {root}")
    path = root / name
    try:
        # strict: a link that points nowhere or in a circle, and a name too long to exist, are errors here.
        real = path.resolve(strict=True)
    except (OSError, RuntimeError):
        left = not Path(os.path.abspath(path)).is_relative_to(os.path.abspath(root))  # noqa: PTH100
        if left and not outside:
            raise DataError(f"{where}: '{name}' leaves {root}; keep all files of the data set inside it") from None
        raise DataError(f"{where}: no file '{name}' under {root}; put it there or correct the name") from None
    if not outside and not real.is_relative_to(root.resolve()):
        raise DataError(f"{where}: '{name}' leaves {root}; keep all files of the data set inside it")
    return path


def listing(folder: Path, root: Path) -> tuple[list[Path], list[Path]]:
    """The files and the folders right inside `folder`, by name, without those that systems leave behind.

    Left out: hidden entries, `__MACOSX`, `Thumbs.db`, `desktop.ini`, `DICOMDIR`. Raises `DataError` where the folder
    cannot be listed or an entry is a link out of `root`, the folder of the data set.
    """
    try:
        entries = sorted(p for p in folder.iterdir() if not p.name.startswith(".") and p.name not in _IGNORED)
    except FileNotFoundError:
        raise DataError(f"{folder}: no such folder; correct the path") from None
    except OSError as error:
        raise DataError(f"{folder}: cannot be listed: {error.strerror or error}") from None
    entries = [inside(root, str(path.relative_to(root)), str(folder)) for path in entries]
    return [p for p in entries if p.is_file()], [p for p in entries if p.is_dir()]


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
                _check_entries(path, entries)
                # zipfile holds each entry to the size that the directory states, so the sum above bounds the disk.
                archive.extractall(folder, entries)
        except (OSError, EOFError, ValueError, RuntimeError, *_BROKEN) as error:
            message = reason(error).replace(f"{folder}/", "")
            raise DataError(f"{path}: cannot be unpacked ({message}); give the unpacked folder instead") from None
        yield folder


def _check_entries(path: Path, entries: list[zipfile.ZipInfo]) -> None:
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
