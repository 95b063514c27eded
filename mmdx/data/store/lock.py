"""Who may write in a folder: the processes of one launch together, and nobody else until they end."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from mmdx.errors import DataError, UsageError
from mmdx.files import PARTIAL

try:
    import fcntl
except ModuleNotFoundError:
    raise UsageError("this system has no file locks of POSIX (fcntl); use Linux or macOS, and on Windows WSL") from None

PROGRESS = "progress.json"
LOCK = ".lock"
_LOOPBACK = ("", "localhost", "127.0.0.1", "::1")
_PATIENCE = 2.0
_PAUSE = 0.5


@dataclass(frozen=True)
class Group:
    """The processes of one launch: which of them this is, of how many, how many on this machine, and their name."""

    rank: int
    world: int
    local_world: int
    name: str

    @classmethod
    def of_environment(cls) -> Group:
        """What `torchrun` and `accelerate launch` tell their processes; one alone where nothing was told."""
        rank, world, local_world = (_number(key, least) for key, least in _LEAST.items())
        if rank >= world:
            raise UsageError(f"RANK={rank}, WORLD_SIZE={world}: ranks count from 0; correct the environment")
        if world == 1:
            return cls(rank, world, 1, f"{socket.gethostname()} {os.getpid()}")
        address = os.environ.get("MASTER_ADDR", "")
        launch = [os.environ.get(key, "") for key in ("TORCHELASTIC_RUN_ID", "MASTER_PORT", "WORLD_SIZE")]
        # All that meet at a loopback address are on one machine; two machines may each have a launch that does.
        machine = socket.gethostname() if address in _LOOPBACK else address
        return cls(rank, world, local_world, " ".join([*launch, machine]))


_LEAST = {"RANK": 0, "WORLD_SIZE": 1, "LOCAL_WORLD_SIZE": 1}


def _number(key: str, least: int) -> int:
    text = os.environ.get(key, str(least))
    if not text.isdecimal() or int(text) < least:
        raise UsageError(f"{key}={text}: expected a whole number from {least}; correct the environment")
    return int(text)


@contextmanager
def locked(out: Path, key: str, group: Group) -> Iterator[None]:
    """The folder `out`, marked with a fingerprint and locked for one group of writers; the lock ends with its process.

    Raises `DataError` where `out` holds anything else, or a process of another launch is at work in it.
    """
    mark = json.dumps({"fingerprint": key})
    marker, draft = out / PROGRESS, out / f"{PROGRESS}.{socket.gethostname()}.{os.getpid()}{PARTIAL}"
    # First what is there, then the mark: whatever another of the group has written stands beside its mark.
    strangers = [p for p in out.iterdir() if not p.name.startswith((PROGRESS, LOCK))] if out.is_dir() else []
    if not marker.is_file():
        if strangers or out.is_file():
            raise DataError(f"{out}: is in use by something that is not a store; prepare into another folder")
        out.mkdir(parents=True, exist_ok=True)
        draft.write_text(mark, encoding="utf-8")
        # The first of the group to enter may have tidied the draft away, with a mark of its own in its place.
        with suppress(FileNotFoundError):
            draft.replace(marker)
    with (out / LOCK).open("a+", encoding="utf-8", errors="replace") as lock:
        _enter(lock, out, group)
        if marker.read_text(encoding="utf-8", errors="replace") != mark:
            raise DataError(
                f"{out}: holds a store of other files or options; prepare into another folder, or remove this one"
            )
        yield


def _enter(lock: IO[str], out: Path, group: Group) -> None:
    """Takes the lock: alone, or beside others of the same group, whose name it holds. The first one in tidies up."""
    patience = time.monotonic() + (_PATIENCE if group.world > 1 else 0)
    while True:
        if _locks(lock, fcntl.LOCK_EX):
            for left in out.glob(f"*{PARTIAL}"):  # of a run that was killed
                left.unlink(missing_ok=True)
            lock.truncate(0)
            lock.write(group.name)
            lock.flush()
        if group.world == 1 and _locks(lock, fcntl.LOCK_EX):
            return
        if group.world > 1 and _locks(lock, fcntl.LOCK_SH):
            lock.seek(0)
            if lock.read() == group.name:
                return
            fcntl.flock(lock, fcntl.LOCK_UN)
        if time.monotonic() >= patience:
            raise DataError(f"{out}: another process is preparing this store; wait for it to end")
        time.sleep(0.05)


def hold(path: Path) -> IO[str] | None:
    """The file `path`, made where it is missing and locked until it is closed; None where another has it.

    A process that inherits the file has the lock as well: it is free only when all of them have closed it or ended.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.open("a+", encoding="utf-8", errors="replace")
    if _locks(lock, fcntl.LOCK_EX):
        return lock
    lock.close()
    return None


def hold_waiting(path: Path) -> IO[str]:
    """`hold`, as soon as nobody else has it."""
    while (lock := hold(path)) is None:
        time.sleep(_PAUSE)
    return lock


def _locks(lock: IO[str], how: int) -> bool:
    try:
        fcntl.flock(lock, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
