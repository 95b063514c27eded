"""Keyed hashes in place of identifiers: the same key gives the same pseudonyms, and nobody goes back without it.

A pseudonym is HMAC-SHA256 of the kind and the identifier, the first 16 of its hex digits. Of the key no more than a
fingerprint is ever written. Whoever holds the key can try identifiers until one fits, so keep it apart from the store.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Literal

from mmdx.errors import UsageError

SHORTEST_KEY = 16
DIGITS = 16
_QUOTED = re.compile(r"(?P<before>\b(?:column|columns|modality|reader|option|trait) )?'(?P<inside>[^'\n]*)'")
_SUFFIX = r"\.(?:dcm|dicom|ima|png|jpe?g|tiff?|bmp|webp|gif|npz|npy|nii|gz|xml|txt)\b"
_FILE = re.compile(
    rf"(?<![\w/.-])(?:[^\s'\",;:()]*/[^\s'\",;()]+|[^\s'\",;:()/]+{_SUFFIX})",
    re.IGNORECASE,
)
_UID = re.compile(r"(?<![\w.])\d+(?:\.\d+){4,}(?![\w.])")
_EDGE = re.compile(r"\b")
_MARK = "file-"
_COMMON = frozenset(
    ["image", "images", "series", "slice", "slices", "file", "files", "study", "studies", "report", "reports", "data"]
)
"""Names of folders that sentences use as words."""


class Pseudonyms:
    """The pseudonyms of one key, by kind: a patient and a study of one name have different ones."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    @property
    def fingerprint(self) -> str:
        """Tells one key from another without telling the key."""
        return self.of("fingerprint", "")

    def of(self, kind: Literal["patient", "study", "series", "file", "fingerprint"], identifier: str) -> str:
        message = f"{kind}\0{identifier}".encode("utf-8", "surrogateescape")
        return hmac.new(self._key, message, hashlib.sha256).hexdigest()[:DIGITS]

    def of_file(self, name: str) -> str:
        """A file's pseudonym, told from others by its mark: `file-3f9c…`; that of a path is that of its last part."""
        last = name.rstrip("/").rpartition("/")[2]
        return last if last.startswith(_MARK) else f"{_MARK}{self.of('file', last)}"

    def unquoted(self, text: str, keep: Collection[str] = ()) -> str:
        """`text` with quoted words replaced: cells of a table, names.

        Those after "column" and the like stay, and those to `keep`.
        """

        def replaced(match: re.Match[str]) -> str:
            stays = match["before"] or match["inside"] in keep
            return match.group() if stays else f"'{self.of_file(match['inside'])}'"

        return _QUOTED.sub(replaced, text)

    def sentence(self, text: str, *names: Collection[str], keep: Collection[str] = ()) -> str:
        """`text` with names of files, UIDs and quoted words replaced.

        `names` are looked for as they are, for they have no form of their own: those of files without a suffix, say;
        `keep` are words that stay, such as the names of modalities.
        """
        text = _replaced_names(text, names, keep, self.of_file)
        text = self.unquoted(text, keep)
        text = _UID.sub(lambda m: f"uid-{self.of('study', m.group())}", text)
        return _FILE.sub(lambda m: self.of_file(m.group()), text)


def read_key(path: Path) -> Pseudonyms:
    """The pseudonyms of the secret in `path`; a line's end behind it does not count. Raises `UsageError`."""
    try:
        key = path.read_bytes().rstrip(b"\r\n")
    except OSError as error:
        raise UsageError(f"pseudonym_key {path}: cannot be read ({error.strerror})") from None
    if len(key) < SHORTEST_KEY:
        raise UsageError(
            f"pseudonym_key {path}: holds {len(key)} bytes, at least {SHORTEST_KEY} are needed; make one with: "
            "openssl rand -hex 32 > FILE"
        )
    return Pseudonyms(key)


def names_under(source: Path) -> frozenset[str]:
    """The names of all files and folders in `source`, with and without their suffixes, and its own."""
    names = {source.name, source.resolve().name}
    for _, folders, files in os.walk(source):
        names |= {*folders, *files}
    return frozenset({*names, *(Path(name).stem for name in names)} - {""})


def _replaced_names(
    text: str, collections: Sequence[Collection[str]], keep: Collection[str], replace: Callable[[str], str]
) -> str:
    """`text` with each name of `collections` replaced where it stands as whole words, the longest first."""
    edges = {match.start() + step for match in _EDGE.finditer(text) for step in (-1, 0, 1)}
    # A name may begin or end in a character that is no word's: one step further on either side is tried, too.
    cuts = sorted(edges & set(range(len(text) + 1)))
    done, at = "", 0
    for start in cuts:
        ends = (end for end in reversed(cuts) if end > max(start, at) and _is_name(text, start, end, collections))
        if start >= at and (end := next(ends, None)) is not None:
            name = text[start:end]
            done += text[at:start] + (name if name in keep else replace(name))
            at = end
    return done + text[at:]


def _is_name(text: str, start: int, end: int, collections: Sequence[Collection[str]]) -> bool:
    """Whether whole words between two places are a name; one of two letters tells nobody."""
    inside = (text[start - 1 : start] + text[start]).isalnum() and start > 0
    broken = inside or (text[end - 1 : end + 1].isalnum() and end < len(text))
    name = text[start:end]
    return not broken and end - start > 2 and name not in _COMMON and any(name in names for names in collections)
