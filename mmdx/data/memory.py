"""How much of what was read a process keeps in memory: one bound over all of its stores and texts, first come.

Processes that a launcher starts on one machine (`LOCAL_WORLD_SIZE`) share the bound. A worker of a loader keeps
nothing: it has what its parent held when it was forked, and what the system holds of the files.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
import weakref
from collections.abc import Callable
from typing import Generic, TypeVar

MOST_BYTES = 512 * 2**20
"""What all owners of a process keep together, at most."""
_ENTRY_BYTES = 256
"""What a text and a value take beside their contents."""


class Reserve:
    """What one owner has taken of the bound; it is given back when nobody holds the reserve any more.

    What a process inherits by a fork is not its own: it may be read there, and nothing is added to it.
    """

    def __init__(self) -> None:
        self._process = os.getpid()
        self._account = _Account()
        weakref.finalize(self, self._account.close)

    @property
    def mine(self) -> bool:
        """Whether this process made the reserve, and may keep what was taken."""
        return self._process == os.getpid()

    def take(self, count: int) -> bool:
        """Takes so many bytes where there is room for them; whether there was."""
        return self.mine and self._account.take(count)


V = TypeVar("V")


class Memo(Generic[V]):
    """What `make` makes of a text, made once as long as there is room to keep it; `size` is its bytes."""

    def __init__(self, make: Callable[[str], V], *, size: Callable[[V], int]) -> None:
        self._make, self._size = make, size
        self._reserve = Reserve()
        self._made: dict[str, V] = {}

    def __call__(self, text: str) -> V:
        if text in self._made:
            return self._made[text]
        value = self._make(text)
        if self._reserve.take(_ENTRY_BYTES + len(text) + self._size(value)):
            self._made[text] = value
        return value


class _Account:
    """The bytes of one owner, which stay countable when the owner is gone."""

    # A collection, which may close an account, can come while its thread holds the lock.
    _lock = threading.RLock()
    _total = 0

    def __init__(self) -> None:
        self._bytes = 0

    def take(self, count: int) -> bool:
        with _Account._lock:
            if _Account._total + count > _limit():
                return False
            _Account._total += count
            self._bytes += count
        return True

    def close(self) -> None:
        with _Account._lock:
            _Account._total -= self._bytes
            self._bytes = 0


def _limit() -> int:
    if multiprocessing.current_process().daemon:
        return 0
    return MOST_BYTES // max(1, int(os.environ.get("LOCAL_WORLD_SIZE", "1")))
