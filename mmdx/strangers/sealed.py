"""JSON that tells whether it is as it was written, and whether files beside it are.

`digest` is over the rest of the content, `beside` has a digest of each file that belongs to it, by its path from the
folder of the JSON; null for one that must be there, and is sealed by itself. A file of an earlier version has neither,
and is read as it is.
"""

from __future__ import annotations

import hashlib
import json
import reprlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mmdx.errors import DataError
from mmdx.files import write_json
from mmdx.strangers.bounded import read_json, regular

DIGEST, BESIDE = "digest", "beside"
MOST_NUMBER = 1e30
"""The largest number that any of these files needs: what is made of it stays finite."""


def write_sealed(path: Path, content: Mapping[str, Any], beside: Iterable[Path] = ()) -> None:
    """Writes `content`, sealed with the files `beside` as they lie there now."""
    files = {file.relative_to(path.parent).as_posix(): digest_of(file) for file in beside}
    told = {**content, BESIDE: files} if files else dict(content)
    write_json(path, {**told, DIGEST: _digest(told)})


def require(path: Path, file: Path) -> None:
    """Notes in a sealed file that another one, sealed by itself and written later, must be there from now on."""
    try:
        content = read_json(path)
    except FileNotFoundError:
        return
    if DIGEST in content:
        told = {name: value for name, value in content.items() if name != DIGEST}
        told[BESIDE] = {**told.get(BESIDE, {}), file.relative_to(path.parent).as_posix(): None}
        write_json(path, {**told, DIGEST: _digest(told)})


def read_sealed(path: Path, again: str) -> dict[str, Any]:
    """The content that `write_sealed` was given; `again` says what to do about a file that is damaged.

    Raises `FileNotFoundError` where there is no file, and `DataError` where it cannot be read, holds no object, or it
    or a file beside it is not as it was written.
    """
    content = read_json(path, again)
    if not isinstance(content, dict):
        raise DataError(f"{path}: holds {type(content).__name__}, not an object; {again}")
    if DIGEST not in content:
        return content
    told = {name: value for name, value in content.items() if name != DIGEST}
    if content[DIGEST] != _digest(told):
        raise DataError(f"{path}: is damaged (not what was written, by its digest); {again}")
    files = told.pop(BESIDE, {})
    for name, digest in files.items() if isinstance(files, dict) else ():
        if ".." in Path(name).parts or Path(name).is_absolute():
            raise DataError(f"{path}: its {BESIDE} names '{name}', which leaves the folder; {again}")
        try:
            own = digest_of(path.parent / name)
        except FileNotFoundError:
            raise DataError(f"{path.parent / name}: missing; {again}") from None
        if digest is not None and own != digest:
            raise DataError(
                f"{path.parent / name}: is damaged (not what was written, by the digest in {path.name}); {again}"
            )
    return told


def digest_of(path: Path) -> str:
    """32 hex digits that tell the content of a regular file from others."""
    digest = hashlib.blake2b(digest_size=16)
    with regular(path).open("rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


def number_in(content: Mapping[str, Any], name: str) -> float:
    """The number that a content has under a name. Raises `ValueError` where it has none there."""
    value = content.get(name) if isinstance(content, Mapping) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= MOST_NUMBER:
        raise ValueError(f"{name} is {reprlib.repr(value)}, which is no number")
    return float(value)


def _digest(content: Mapping[str, Any]) -> str:
    plain = json.dumps(content, sort_keys=True, separators=(",", ":")).encode()
    return hashlib.blake2b(plain, digest_size=16).hexdigest()
