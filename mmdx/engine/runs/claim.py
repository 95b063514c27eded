"""Who trains into a run folder: one training at a time, from before its first file to its end.

The lock lies in the folder, as `.lock`, and the system frees it whenever its process ends. It stays there when the
training is over: a folder with it and nothing but first files is one where a training was stopped before it had
anything to go on from.
"""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from mmdx.data.store.lock import LOCK, hold
from mmdx.files import PARTIAL, ModelLayout, RunLayout

_RUN = RunLayout(Path())
_BEST = ModelLayout(_RUN.best)
_FIRST = {
    path.name
    for path in (
        *(_RUN.config, _RUN.environment, _RUN.splits, _RUN.folds, _RUN.studies, _RUN.audit, _RUN.texts, _RUN.log),
        *(_RUN.selections, _RUN.start, _BEST.config, _BEST.facts),
    )
}
"""What a training writes before its first state; anew it writes the same again."""
_EVENTS = "events.out.tfevents"
_held: set[IO[str]] = set()


def claim(folder: Path) -> IO[str] | None:
    """The lock of a run folder, which is made where it is missing; None where another training has it."""
    while True:
        with suppress(FileNotFoundError):  # the folder was empty, and whoever had it took it away
            lock = hold(folder / LOCK)
            if lock is None:
                return None
            if _lies_at(lock, folder / LOCK):
                lock.truncate(0)
                lock.write(f"process {os.getpid()} on {socket.gethostname()}")
                lock.flush()
                _held.add(lock)
                return lock
            lock.close()


@contextmanager
def claimed(folder: Path, lock: IO[str]) -> Iterator[None]:
    """Inside the block a claimed folder is this training's; after it, an empty one goes away again."""
    try:
        yield
    finally:
        if folder.is_dir() and [path.name for path in folder.iterdir()] == [LOCK]:
            (folder / LOCK).unlink()
            with suppress(OSError):  # another training has just claimed it
                folder.rmdir()
        _held.discard(lock)
        lock.close()


def holder(folder: Path) -> str:
    """Who has claimed a run folder, as its lock says."""
    return (folder / LOCK).read_text(encoding="utf-8", errors="replace") or "another process"


def stopped_early(folder: Path) -> bool:
    """Whether a training was stopped here before its first state: it had claimed the folder, and nothing lies there
    that it would not write again."""
    if not (folder / LOCK).is_file():
        return False
    files = [path.relative_to(folder) for path in folder.rglob("*") if not path.is_dir() or path.is_symlink()]
    return all(_is_first(path) for path in files)


def clear(folder: Path) -> bool:
    """Removes what a training that was `stopped_early` has left, but for the lock; whether there was anything."""
    left = [path for path in folder.iterdir() if path.name != LOCK]
    for path in left:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    return bool(left)


def _is_first(path: Path) -> bool:
    if path.is_relative_to(_BEST.tokenizer("")) or path.is_relative_to(_BEST.first):
        return True
    name = path.name
    return name in {*_FIRST, LOCK} or name.endswith(PARTIAL) or name.startswith(_EVENTS)


def _lies_at(lock: IO[str], path: Path) -> bool:
    """Whether an open file is the one that has this name now."""
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(lock.fileno()), path.stat())
    return False


def _let_go() -> None:
    """A worker of a training has no share in its lock: it may live for seconds after its training was killed."""
    for lock in _held:
        lock.close()


os.register_at_fork(after_in_child=_let_go)
