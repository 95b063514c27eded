"""Studies that are being received: one folder each below a private one, until nothing more of a study comes.

Folders and files are numbered here, and nothing that a peer sends is part of their names. All that a study, and all
studies together, take is bounded; a study of which an image found no room is not answered, for it would not be whole.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from mmdx.data.files import MOST_BYTES, MOST_FILES
from mmdx.nodes.arrival import DISCARDED, NO_ROOM, NOT_OF_ITS_CLASS, Arrival, Unfit, looked_at

PATIENCE = 6
"""By how much longer than `quiet_for` a study is waited for while a connection that brought some of it is open."""
STALE = 120
"""Seconds after which a file that does not grow is on its way no longer."""
MOST_TOLD = 10_000
"""Studies without room that are told apart; beyond, an image is refused and its study is not remembered."""
_NO_ROOM = "no room is left"


@dataclass(frozen=True)
class Bounds:
    """What may be held at once: bytes and files of one study, bytes of all, and studies that are not whole yet. A study
    is whole when nothing of it came for `quiet_for` seconds."""

    quiet_for: float = 10.0
    all_bytes: int = 2 * MOST_BYTES
    study_bytes: int = MOST_BYTES
    study_files: int = MOST_FILES
    studies: int = 64

    @classmethod
    def of(cls, quiet_for: float, mebibytes: int) -> Bounds:
        """All studies may take so many MiB, and one of them no more than that, nor than an archive that is opened."""
        return cls(quiet_for, mebibytes * 2**20, min(MOST_BYTES, mebibytes * 2**20))


@dataclass
class Received:
    """One study: its `number` from 1 by when it began to come, its `key`, a digest of its UID, and its images by
    digests of theirs. `refused` says of images that were not kept why; `spoiled` why it cannot be answered."""

    number: int
    key: bytes
    folder: Path
    heard: float
    images: dict[bytes, Path] = field(default_factory=dict)
    size: int = 0
    senders: set[object] = field(default_factory=set)
    refused: dict[bytes, str] = field(default_factory=dict)
    spoiled: str = ""


class Inbox:
    """Takes files, from several threads at once, and hands studies over as they are whole.

    `folder` is a private one: files that are still on their way lie in it, studies in folders below it. `clock` gives
    seconds.
    """

    def __init__(self, folder: Path, bounds: Bounds, clock: Callable[[], float] = time.monotonic) -> None:
        self.bounds = bounds
        self._folder, self._clock = folder, clock
        self._open: dict[bytes, Received] = {}
        self._held, self._begun, self._files = 0, 0, 0
        self._lock = threading.Lock()
        self._secret = os.urandom(16)

    @property
    def waiting(self) -> int:
        """Studies that have come, as far as they have, and were not handed over."""
        return len(self._open)

    def check_room(self, size: int) -> None:
        """Raises `Unfit` where there is no room for so many bytes of a file that is on its way."""
        on_their_way = sum(facts.st_size for _, facts in self._on_their_way())
        if self._held + on_their_way + size > self.bounds.all_bytes:
            raise Unfit(_NO_ROOM, NO_ROOM)

    def ended(self, sender: object) -> None:
        """A connection is closed: nothing more comes by it."""
        with self._lock:
            for study in self._open.values():
                study.senders.discard(sender)

    def remove_stale(self) -> None:
        """Removes what is left of files whose connection was cut."""
        for path, facts in self._on_their_way():
            if time.time() - facts.st_mtime > STALE:
                path.unlink(missing_ok=True)

    def _on_their_way(self) -> Iterator[tuple[Path, os.stat_result]]:
        """The files that are being received; other threads move them away at any moment."""
        for entry in os.scandir(self._folder):
            with suppress(FileNotFoundError):
                if entry.is_file():
                    yield Path(entry), entry.stat()

    def take(self, path: Path, sender: object, announced: Arrival | None = None) -> None:
        """Moves a file into the folder of its study. Raises `Unfit` where it is not kept; it then lies where it lay.

        `announced` is what the sender said that it is, where it said so.
        """
        looked = looked_at(path)
        size = path.stat().st_size
        with self._lock:
            found, unfit = looked.arrival, looked.unfit
            if found is None or (unfit is not None and unfit.status == DISCARDED):
                raise unfit or Unfit("it cannot be read", NOT_OF_ITS_CLASS)
            if announced is not None and (announced.instance, announced.kind) != (found.instance, found.kind):
                unfit = Unfit("it is another object than the sender said", NOT_OF_ITS_CLASS)
            study, image = self._study(found), self._digest(found.instance)
            study.heard = self._clock()
            study.senders.add(sender)
            if unfit is not None:
                study.refused.setdefault(image, str(unfit))
                raise unfit
            self._check_room(study, image, size)
            try:
                self._keep(study, image, path, size)
            except OSError as error:
                study.spoiled = f"an image of it could not be kept ({error.strerror})"
                self._empty(study)
                raise Unfit(_NO_ROOM, NO_ROOM) from None

    def _study(self, found: Arrival) -> Received:
        """The study of a file, which begins here where it is the first."""
        key = self._digest(found.study)
        if key not in self._open:
            if len(self._open) >= MOST_TOLD:
                raise Unfit(_NO_ROOM, NO_ROOM)
            self._begun += 1
            study = Received(self._begun, key, self._folder / f"{self._begun}", self._clock())
            if sum(not one.spoiled for one in self._open.values()) >= self.bounds.studies:
                study.spoiled = f"{self.bounds.studies} studies were being received already"
            self._open[key] = study
        return self._open[key]

    def _check_room(self, study: Received, image: bytes, size: int) -> None:
        bounds, before = self.bounds, study.images.get(image)
        more = size - (before.stat().st_size if before is not None else 0)
        if study.size + more > bounds.study_bytes:
            study.spoiled = study.spoiled or f"has more than {bounds.study_bytes / 2**20:,.0f} MiB"
        elif before is None and len(study.images) >= bounds.study_files:
            study.spoiled = study.spoiled or f"has more than {bounds.study_files:,} images"
        elif self._held + more > bounds.all_bytes:
            study.spoiled = study.spoiled or f"{bounds.all_bytes / 2**20:,.0f} MiB of studies were held already"
        if study.spoiled:
            self._empty(study)
            raise Unfit(_NO_ROOM, NO_ROOM)

    def _keep(self, study: Received, image: bytes, path: Path, size: int) -> None:
        """A file that comes again takes the place of the one before."""
        place = study.images.get(image)
        if place is None:
            self._files += 1
            place = study.folder / f"{self._files}.dcm"
            study.folder.mkdir(mode=0o700, exist_ok=True)
        else:
            self._count(study, -place.stat().st_size)
        path.replace(place)
        self._count(study, size)
        study.images[image] = place
        study.refused.pop(image, None)

    def whole(self) -> Received | None:
        """The first study of which nothing more is coming, which is handed over; None while there is none."""
        with self._lock:
            study = next((study for study in self._open.values() if self._is_whole(study)), None)
            if study is not None:
                del self._open[study.key]
        return study

    def _is_whole(self, study: Received) -> bool:
        waited = self._clock() - study.heard
        return waited >= self.bounds.quiet_for * (PATIENCE if study.senders else 1)

    def discard(self, study: Received) -> None:
        """Removes the files of a study."""
        with self._lock:
            self._empty(study)

    def _empty(self, study: Received) -> None:
        shutil.rmtree(study.folder, ignore_errors=True)
        self._count(study, -study.size)
        study.images.clear()

    def _count(self, study: Received, size: int) -> None:
        study.size += size
        self._held += size

    def _digest(self, uid: str) -> bytes:
        return hashlib.blake2b(uid.encode("utf-8", "surrogateescape"), digest_size=16, key=self._secret).digest()
