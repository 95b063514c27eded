"""Names and archives of other people: paths stay inside the data set's own folder, and a zip unpacks within bounds.

A table is somebody else's file: a name in it must not make us read, and later publish, a file from elsewhere.
"""

from __future__ import annotations

import codecs
import os
import stat
import unicodedata
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path, PurePath, PureWindowsPath
from tempfile import TemporaryDirectory

from mmdx.errors import DataError, MmdxError, reason, refuse_lack
from mmdx.strangers.bounded import called

MOST_FILES = 20_000
MOST_BYTES = 8 * 2**30
"""The bounds of an archive: files, and bytes when it is unpacked."""
MOST_TEXT = 1_000_000
"""The longest text of one study, in characters of a cell or bytes of a file."""
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_ARCHIVES = (".zip", ".7z", ".rar", ".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tar.xz")
COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)
"""Those that take little memory whatever an archive says: LZMA asks for as much as a file wants."""
_LOCKED = 0x1
"""The flag of an entry that is encrypted."""
_IGNORED = ("__MACOSX", "Thumbs.db", "desktop.ini", "DICOMDIR")


def decoded(raw: bytes, encoding: str = "utf-8") -> str:
    """The text of a file: by the byte order mark that it begins with, which is dropped (also one that a second program
    put before that of the first), else in `encoding`.

    Raises `UnicodeError` where it is not that, `LookupError` where there is no such encoding.
    """
    encoding = next((name for mark, name in _MARKS if raw.startswith(mark)), encoding)
    text = raw.decode(encoding)
    if "\0" in text:
        raise UnicodeError("it holds zero bytes, as UTF-16 without a byte order mark does")
    return text.lstrip("\ufeff")


def composed(name: str) -> str:
    """A name as it is compared: with joined accents (NFC), since some systems store them apart, and they look alike."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def inside(root: Path, name: str, where: str, *, outside: bool = False, otherwise: str = "") -> Path:
    """`root / name`, existing, neither absolute nor outside `root`, links followed; with `outside`, wherever it lies.
    `otherwise` is what an error names as the other way, such as ` or give allow_outside=true`.

    Where no file has a name with backslashes, they are read as slashes; where none is spelled so, accents may be joined
    to their letters or stand apart. Raises `DataError` at the place `where` for a name that is empty, leaves the
    folder, is not there or is neither a file nor a folder.
    """
    if not name.strip() or "\0" in name:
        raise DataError(f"{where}: {name!r} is no file name; correct it")
    if "\\" in name and not PureWindowsPath(name).drive and not os.path.lexists(root / name):
        name = name.replace("\\", "/")
    if not outside and (Path(name).is_absolute() or PureWindowsPath(name).is_absolute() or PureWindowsPath(name).drive):
        raise DataError(f"{where}: '{name}' is absolute; write it relative to {root}{otherwise}")
    keep = f"keep all files of the data set inside it{otherwise}"
    path = root / name if name.isascii() else _as_stored(root, name)
    try:
        # strict: a link that points nowhere or in a circle, and a name too long to exist, are errors here.
        real = path.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        refuse_lack(error, path)
        left = not Path(os.path.abspath(path)).is_relative_to(os.path.abspath(root))  # noqa: PTH100
        if left and not outside:
            raise DataError(f"{where}: '{name}' leaves {root}; {keep}") from None
        raise DataError(f"{where}: no file '{name}' under {root}; put it there or correct the name") from None
    if not outside and not real.is_relative_to(root.resolve()):
        raise DataError(f"{where}: '{name}' leaves {root}; {keep}")
    refuse_special(real)
    return path


def refuse_special(path: Path) -> None:
    """Raises `DataError` where `path` is a pipe, a socket or a device, of which reading may never end."""
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise DataError(f"{path}: {called(mode)} and no file, so it is not read; take it away")


def _as_stored(root: Path, name: str) -> Path:
    """`root / name` as it is spelled there, where it is not there as it is and just one name looks the same."""
    path = root
    for part in PurePath(name).parts:
        if not os.path.lexists(path / part):
            try:
                alike = _spellings(path, path.stat().st_mtime_ns).get(composed(part), [])
            except OSError:
                alike = []  # what is not there, or no folder, is said of the whole name
            part = alike[0] if len(alike) == 1 else part
        path = path / part
    return path


@lru_cache(maxsize=16)
def _spellings(folder: Path, _modified: int) -> dict[str, list[str]]:
    """The names in a folder by how they are compared."""
    spellings: dict[str, list[str]] = {}
    for path in folder.iterdir():
        spellings.setdefault(composed(path.name), []).append(path.name)
    return spellings


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
        refuse_lack(error, folder)
        raise DataError(f"{folder}: cannot be listed: {error.strerror or error}") from None
    entries = [inside(root, str(path.relative_to(root)), str(folder)) for path in entries]
    return [p for p in entries if p.is_file()], [p for p in entries if p.is_dir()]


def walked(root: Path) -> Iterator[os.DirEntry[str]]:
    """All that lies below `root` but folders, and links to folders, which are not followed; of each folder by name.

    Hidden entries and `__MACOSX` are passed over. Raises `DataError` where a folder cannot be listed.
    """
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(folder) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError as error:
            refuse_lack(error, folder)
            raise DataError(f"{folder}: cannot be listed: {error.strerror or error}") from None
        entries = [entry for entry in entries if not entry.name.startswith(".") and entry.name != "__MACOSX"]
        folders = [Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)]
        waiting += reversed(folders)
        yield from (entry for entry in entries if not entry.is_dir(follow_symlinks=False))


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """The content of a zip in a folder of its name that goes away afterwards; links come out as plain files.

    Backslashes in it are slashes: some programs of Windows write them, against the format. Raises `DataError` for a
    broken archive, an encrypted one, one that holds another, an entry whose path leaves the folder or is listed twice,
    and for more than `MOST_FILES` files or `MOST_BYTES` bytes unpacked.
    """
    with TemporaryDirectory(prefix="mmdx-") as temporary:
        # A reader may call a study like the folder that holds it.
        folder = Path(temporary, path.stem)
        try:
            refuse_special(path)
            with zipfile.ZipFile(path) as archive:
                entries = [entry for entry in map(_with_slashes, archive.infolist()) if not entry.is_dir()]
                _check_entries(path, entries)
                # zipfile holds each entry to the size that the directory states, so the sum above bounds the disk.
                archive.extractall(folder, entries)
        except MmdxError:
            raise
        except Exception as error:  # zipfile raises whatever broken bytes make it stumble over
            refuse_lack(error, path)
            message = reason(error).replace(f"{folder}/", "")
            raise DataError(f"{path}: cannot be unpacked ({message}); give the unpacked folder instead") from None
        yield folder


def _with_slashes(entry: zipfile.ZipInfo) -> zipfile.ZipInfo:
    if "\\" in entry.filename:
        entry.filename = entry.filename.replace("\\", "/")
    return entry


def _check_entries(path: Path, entries: list[zipfile.ZipInfo]) -> None:
    places: set[str] = set()
    for entry in entries:
        name = entry.filename
        parts = [part for part in name.split("/") if part not in ("", ".")]
        if Path(name).is_absolute() or PureWindowsPath(name).drive or ".." in parts or not parts:
            raise DataError(f"{path}: entry '{name}' leaves the archive's folder; refused")
        if name.lower().endswith(_ARCHIVES) and not set(_IGNORED) & set(parts):
            raise DataError(f"{path}: holds another archive, '{name}'; unpack that first, and give the folder")
        # a/b, ./a/b and a//b are unpacked to one place.
        place = "/".join(parts)
        if place in places:
            raise DataError(f"{path}: entry '{name}' is listed twice, and one would replace the other; refused")
        places.add(place)
        if entry.flag_bits & _LOCKED:
            raise DataError(f"{path}: is locked with a password; unpack it, and give the folder")
        if entry.compress_type not in COMPRESSIONS:
            raise DataError(
                f"{path}: cannot be unpacked ('{name}' is compressed in a way that is not read); zip it by deflate"
            )
    total = sum(entry.file_size for entry in entries)
    if len(entries) > MOST_FILES or total > MOST_BYTES:
        raise DataError(
            f"{path}: {len(entries)} files and {total / 2**30:.1f} GiB unpacked are more than the bound of "
            f"{MOST_FILES} and {MOST_BYTES / 2**30:.0f} GiB; give the unpacked folder instead"
        )
