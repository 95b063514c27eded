"""How a long work says how far it is, to whoever waits: nobody, unless somebody gives something that listens."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")
Count = Callable[[str, int, int, str], None]
"""Told what is done, how much of it is, of how much, and of what: `"reading", 40, 200, "studies"`. It may be told as
often as there is anything new, and is quick. Where the first number falls or the second changes, something else begins.
"""


def uncounted(what: str, done: int, total: int, unit: str) -> None:
    """Nobody waits."""


def counting(parts: Iterable[T], size: Callable[[T], int], what: str, total: int, count: Count) -> Iterator[T]:
    """The `parts`, such as batches, of `total` studies: `count` is told how many they have been so far, by `size`."""
    done = 0
    count(what, done, total, "studies")
    for part in parts:
        yield part
        done += size(part)
        count(what, done, total, "studies")
