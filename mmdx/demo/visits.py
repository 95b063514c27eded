"""Who has the page open, and what is kept for them: the files that arrive, in a folder of their own until they are
answered, and the last answer, in memory.

A visit is one tab of a browser. Nobody without its token, which cannot be guessed, reaches what is kept for it.
"""

from __future__ import annotations

import secrets
import shutil
import threading
from collections.abc import AsyncIterator
from pathlib import Path, PurePosixPath

from mmdx.data.files import MOST_BYTES, MOST_FILES
from mmdx.demo.answer import Answer
from mmdx.errors import DataError, UsageError, one_line

MOST_VISITS = 8
"""Tabs for which something is kept; the one that was opened first is forgotten beyond."""
LONGEST_PART, DEEPEST = 255, 32
"""Bytes of the name of a file or a folder, and folders around a file."""


class Visit:
    """One tab: the `files` that arrived and were not asked about yet, and the last `answer`."""

    def __init__(self, folder: Path) -> None:
        self.token = secrets.token_urlsafe(24)
        self.answer: Answer | None = None
        self.answer_token = ""
        self.folder = folder / self.token
        self.folder.mkdir(mode=0o700)
        self.files = self.folder / "files"
        self._count, self._bytes, self._arriving = 0, 0, 0

    async def take(self, name: str, content: AsyncIterator[bytes]) -> None:
        """Keeps one file under its path from the folder that the user gave.

        Raises `DataError` where there are too many files or bytes, and `UsageError` for a path that is none or leaves
        the folder.
        """
        path = self.files.joinpath(*_parts(name))
        if self._count >= MOST_FILES:
            raise DataError(f"more than {MOST_FILES:,} files; give fewer studies")
        self._count += 1
        self._arriving += 1
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                async for block in content:
                    self._bytes += len(block)
                    if self._bytes > MOST_BYTES:
                        raise DataError(f"more than {MOST_BYTES / 2**30:g} GiB of files; give fewer studies")
                    file.write(block)
        finally:
            self._arriving -= 1

    @property
    def source(self) -> Path:
        """What was given: the only file or folder, else the folder of all files. Raises `UsageError` where there is
        none, and while files are still on their way."""
        if self._arriving:
            raise UsageError("files are still on their way; ask again when all have arrived")
        entries = sorted(self.files.iterdir()) if self.files.is_dir() else []
        if not entries:
            raise UsageError("no files: give a folder, a zip, DICOM files or pictures first")
        return entries[0] if len(entries) == 1 else self.files

    def keep(self, answer: Answer) -> None:
        """Keeps an answer in place of the one before; pictures and files of that one are found no longer."""
        self.answer, self.answer_token = answer, secrets.token_urlsafe(24)

    def clear(self) -> None:
        """Removes the files."""
        shutil.rmtree(self.files, ignore_errors=True)
        self._count, self._bytes = 0, 0

    def close(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.answer = None


class Visits:
    """All tabs that are open, by the name that the page's server gives each."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._visits: dict[str, Visit] = {}
        self._lock = threading.Lock()

    def open(self, session: str) -> Visit:
        """The visit of a tab, a new one where it is unknown."""
        with self._lock:
            if session not in self._visits:
                while len(self._visits) >= MOST_VISITS:
                    self._visits.pop(next(iter(self._visits))).close()
                self._visits[session] = Visit(self._folder)
            return self._visits[session]

    def close(self, session: str) -> None:
        """Forgets a tab, with all that was kept for it."""
        with self._lock:
            visit = self._visits.pop(session, None)
        if visit is not None:
            visit.close()

    def of(self, token: str) -> Visit | None:
        """The visit with a token."""
        with self._lock:
            return next((one for one in self._visits.values() if secrets.compare_digest(one.token, token)), None)

    def answer(self, token: str) -> Answer | None:
        """The answer with a token."""
        with self._lock:
            found = [one for one in self._visits.values() if one.answer is not None]
        return next((one.answer for one in found if secrets.compare_digest(one.answer_token, token)), None)


def _parts(name: str) -> tuple[str, ...]:
    path = PurePosixPath(name)
    parts = path.parts
    wrong = not parts or path.is_absolute() or len(parts) > DEEPEST
    wrong = wrong or any(part == ".." or "\0" in part or len(part.encode()) > LONGEST_PART for part in parts)
    if wrong:
        raise UsageError(f"'{one_line(name)[:80]}' is no path of a file inside a folder; rename it")
    return parts
