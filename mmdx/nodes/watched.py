"""A watched folder, the other way in: DICOM files that are put there come to the same inbox, and stay there."""

from __future__ import annotations

import os
import shutil
import stat
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import NamedTemporaryFile

from mmdx.data.dicom.files import is_dicom
from mmdx.errors import MmdxError, UsageError
from mmdx.files import PARTIAL
from mmdx.nodes.arrival import DISCARDED, NO_ROOM, Unfit
from mmdx.nodes.inbox import Inbox

UNFINISHED = (PARTIAL, ".part", ".tmp", ".filepart", ".crdownload")
"""How programs that copy call a file that is not whole yet."""
Seen = tuple[int, int]
"""Size and time of change of a file."""


class Watched:
    """Looks into a folder and all below it, links not followed, when it is asked to."""

    def __init__(self, folder: Path, inbox: Inbox, say: Callable[[str], None]) -> None:
        """Raises `UsageError` where there is no such folder, or it may not be read."""
        if not folder.is_dir() or not os.access(folder, os.R_OK | os.X_OK):
            raise UsageError(f"--watch {folder}: is no folder that can be read")
        self._folder, self._inbox, self._say = folder, inbox, say
        self._growing: dict[Path, Seen] = {}
        self._done: dict[Path, Seen] = {}

    def look(self) -> None:
        """Takes the files that are as they were when it looked before, each once; a copy is taken, and nothing in the
        folder is changed. One for which there was no room is tried again."""
        found, refused = dict(_files(self._folder)), Counter[str]()
        self._done = {path: seen for path, seen in self._done.items() if found.get(path) == seen}
        for path, seen in found.items():
            if path in self._done or self._growing.get(path) != seen:
                continue
            try:
                self._take(path, seen)
            except Unfit as unfit:
                if unfit.status == NO_ROOM:
                    continue
                refused.update([str(unfit)] if unfit.status != DISCARDED else [])
            except (MmdxError, OSError):
                refused["it cannot be read"] += 1
            self._done[path] = seen
        self._growing = found
        for why, count in refused.items():
            self._say(f"refused: {count} file{'s' * (count > 1)} of the watched folder: {why}")

    def _take(self, path: Path, seen: Seen) -> None:
        if not is_dicom(path):
            return
        self._inbox.check_room(seen[0])
        with NamedTemporaryFile(suffix=".dcm", delete=False) as copy, path.open("rb") as source:
            place = Path(copy.name)
            shutil.copyfileobj(source, copy)
        try:
            self._inbox.take(place, self)
        finally:
            place.unlink(missing_ok=True)
        self._inbox.ended(self)


def _files(folder: Path) -> Iterator[tuple[Path, Seen]]:
    """The plain files of a folder that are not hidden and do not call themselves unfinished."""
    for above, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = Path(above) / name
            if name.startswith(".") or name.lower().endswith(UNFINISHED):
                continue
            try:
                facts = path.lstat()
            except OSError:  # it went while this looked
                continue
            if stat.S_ISREG(facts.st_mode):
                yield path, (facts.st_size, facts.st_mtime_ns)
