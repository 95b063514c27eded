"""A store is keyed by what made it: reader, options, source files. Anything changed is another store."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

STORE_FORMAT = 3
"""Rises whenever stored pixels, rows or columns would come out differently from the same files."""


def fingerprint(reader: str, options: Mapping[str, Any], source: Path, *, size: int) -> str:
    """32 hex digits over the reader, its options, the stored size and every source file's path, length and mtime.

    File contents are not read. Files and folders that an option names (a table, descriptors outside `source`) count
    like source files. A source that is not on disk (a name of the Hugging Face hub) counts by its name.
    """
    digest = hashlib.blake2b(digest_size=16)
    digest.update(json.dumps([STORE_FORMAT, reader, size], sort_keys=True).encode())
    for name, value in sorted(options.items()):
        digest.update(f"{name}={value!r};".encode("utf-8", "surrogateescape"))
        if isinstance(value, Path):
            for line in _stamps(value):
                digest.update(line)
    if not source.exists():
        digest.update(os.fsencode(source))
    for line in _stamps(source):
        digest.update(line)
    return digest.hexdigest()


def _stamps(source: Path) -> Iterator[bytes]:
    """A line for a file, or for every file in a folder; none for what is not there."""
    if source.is_file():
        yield _stamp(source).encode()
    for folder, folders, files in os.walk(source):
        folders.sort()
        for name in sorted(files):
            path = Path(folder, name)
            # A name need not be UTF-8: os.fsencode gives back the bytes that the disk has.
            yield os.fsencode(path.relative_to(source)) + f" {_stamp(path)}\n".encode()


def _stamp(path: Path) -> str:
    # A dangling link has no stat of its target; the link itself still tells that something changed.
    status = path.stat() if path.exists() else path.lstat()
    return f"{status.st_size} {status.st_mtime_ns}"
