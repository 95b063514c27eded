"""A store is keyed by what made it: reader, options, source files. Anything changed is another store."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from mmdx.errors import refuse_lack

STORE_FORMAT = 5
"""Rises whenever stored pixels, rows or columns would come out differently from the same files; 4: vectors have the
columns of images, order certificate and slice labels; 5: images are turned for display and their pixels made squares,
and certificates say so."""
READ_FORMATS = (4, STORE_FORMAT)
"""Stores of these formats are read: the earlier has the same columns."""
_LATER: dict[tuple[str, str], Any] = {
    ("phantom", "strength"): "apart",
    ("phantom", "image_contrast"): 1.0,
    ("folder", "labels"): None,
    ("folder", "study"): "folder",
    ("folder", "table"): None,
    ("folder", "image_root"): None,
    ("dicom", "labels"): None,
    ("dicom", "modalities"): None,
    **{(reader, "separator"): "," for reader in ("folder", "dicom")},
    **{(reader, "encoding"): "utf-8" for reader in ("folder", "dicom")},
    **{(reader, "allow_outside"): False for reader in ("folder", "dicom")},
}
"""By reader and option, the default of an option that came after stores were made, which are still what they were."""


def fingerprint(reader: str, options: Mapping[str, Any], source: Path, *, size: int) -> str:
    """32 hex digits over the reader, its options, the stored size and every source file's path, length and mtime.

    File contents are not read. Files and folders that an option names (a table, a second root) count like source files,
    wherever they lie: beside the source or where the command runs, as readers look for them. A source that is not on
    disk (a name of the Hugging Face hub) counts by its name.
    """
    digest = hashlib.blake2b(digest_size=16)
    digest.update(json.dumps([STORE_FORMAT, reader, size], sort_keys=True).encode())
    for name, value in sorted(options.items()):
        if (reader, name) in _LATER and value == _LATER[reader, name]:
            continue
        digest.update(f"{name}={value!r};".encode("utf-8", "surrogateescape"))
        for path in _paths(value):
            for place in dict.fromkeys([source / path, path]):
                _add(digest, place)
    if not source.exists():
        digest.update(os.fsencode(source))
    _add(digest, source)
    return digest.hexdigest()


def _paths(value: Any) -> Iterator[Path]:
    """The paths in an option's value."""
    if isinstance(value, Path):
        yield value
    elif isinstance(value, Mapping):
        yield from _paths(list(value.values()))
    elif isinstance(value, Iterable) and not isinstance(value, str | bytes):
        for item in value:
            yield from _paths(item)


def _add(digest: hashlib.blake2b, place: Path) -> None:
    """A file, or everything in a folder. A place where nothing is adds nothing."""
    if place.is_file():
        digest.update(_stamp(place.stat()))
    elif place.is_dir():
        for line in _lines(os.fsencode(place), b""):
            digest.update(line)


def _lines(folder: bytes, below: bytes) -> Iterator[bytes]:
    """Path, length and mtime of every file in a folder and its folders, sorted.

    Names are bytes, for they need not be UTF-8. A link to a folder counts by where it points: what it holds is counted
    where it stands, or lies outside.
    """
    waiting = _entries(folder, below)
    while waiting:
        path, entry = waiting.pop()
        if isinstance(entry, bytes):
            yield path + entry
        elif entry.is_dir(follow_symlinks=False):
            waiting += _entries(entry.path, path + b"/")
        elif entry.is_symlink() and entry.is_dir():
            yield path + b" -> " + os.fsencode(Path(os.fsdecode(entry.path)).readlink()) + b"\n"
        else:
            yield path + b" " + _stamp(_status(entry)) + b"\n"


def _entries(folder: bytes, below: bytes) -> list[tuple[bytes, os.DirEntry[bytes] | bytes]]:
    """The entries of a folder and their paths, last name first; where it cannot be listed, why."""
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name, reverse=True)
    except OSError as error:
        refuse_lack(error, os.fsdecode(folder))
        return [(below, f" {error.strerror}\n".encode())]
    return [(below + entry.name, entry) for entry in entries]


def _status(entry: os.DirEntry[bytes]) -> os.stat_result:
    try:
        return entry.stat()
    except OSError:  # a dangling link has no target; the link itself still tells that something changed
        return entry.stat(follow_symlinks=False)


def _stamp(status: os.stat_result) -> bytes:
    return b"%d %d" % (status.st_size, status.st_mtime_ns)
