"""How far a long verb is: one live line on a terminal, and in a pipe or a log a line now and then."""

from __future__ import annotations

import time

from rich.console import Console
from rich.text import Text

EVERY = 5.0
"""Seconds between lines of one stage where lines stay."""


class Following:
    """Shows what is being done and how far it is; `pause` clears the live line before something else is printed."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status = console.status("") if console.is_terminal else None
        self._stage, self._shown = "", 0.0

    def __call__(self, what: str, how_far: str) -> None:
        line = Text(f"{what} ({how_far})" if how_far else what)
        now = time.monotonic()
        if self._status is not None:
            self._status.update(line)
            self._status.start()
        elif what != self._stage or now - self._shown >= EVERY:
            self._console.print(line, soft_wrap=True, highlight=False)
            self._shown = now
        self._stage = what

    def pause(self) -> None:
        if self._status is not None:
            self._status.stop()
