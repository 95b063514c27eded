"""The words that people write for the three splits."""

from __future__ import annotations

from collections.abc import Mapping

from mmdx.errors import DataError
from mmdx.study import Split

SPLIT_WORDS: Mapping[str, Split] = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
    "testing": "test",
}
"""What people call the three splits, in lower case."""


def parse_split(cell: str, where: str) -> Split | None:
    """The split that a word names, None for an empty one. Raises `DataError` at the place `where` for other words."""
    word = cell.strip().lower()
    if not word:
        return None
    if word not in SPLIT_WORDS:
        raise DataError(f"{where}: split is '{cell}'; use train, val or test, or leave it empty")
    return SPLIT_WORDS[word]
