"""How far a long verb is: one live line on a terminal, and in a pipe or a log a line now and then."""

from __future__ import annotations

import sys
import time
from datetime import timedelta

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from mmdx.strangers.screen import screen

EVERY = 30.0
"""Seconds between lines where lines stay, and before the first."""
LIVELY = 0.2
"""Seconds between changes of the live line."""


class Following:
    """Shows what is being done and how far it is; `pause` clears the live line before something else is printed, and so
    does the end of a `with` block.

    `count` is the listener of `mmdx.data.counting`: it also says how fast it goes and how long it will take.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._spinner = Spinner("dots")
        # Lines that go to a file or a pipe must not be caught and shown beside the live line.
        caught = {"redirect_stdout": sys.stdout.isatty(), "redirect_stderr": sys.stderr.isatty()}
        self._live = Live(self._spinner, console=console, refresh_per_second=1 / LIVELY, transient=True, **caught)
        self._shown = time.monotonic()
        self._done, self._total, self._begin = 0, 0, (0.0, 0)

    @classmethod
    def beside(cls, console: Console) -> Following:
        """One that lives on a console that other lines are printed to, where that is a terminal; else on stderr."""
        return cls(console if console.is_terminal else screen(stderr=True))

    def __enter__(self) -> Following:
        return self

    def __exit__(self, *_: object) -> None:
        self.pause()

    def __call__(self, what: str, how_far: str) -> None:
        self._show(f"{what} ({how_far})" if how_far else what)

    def count(self, what: str, done: int, total: int, unit: str) -> None:
        if done == 0 or done < self._done or total != self._total:
            self._begin, self._total = (time.monotonic(), done), total
        self._done = done
        if self._due():
            seconds, new = time.monotonic() - self._begin[0], done - self._begin[1]
            self._show(f"{what}: {done:,} of {total:,} {unit}{_pace(new, seconds, total - done, unit)}")

    def pause(self) -> None:
        self._live.stop()

    def _due(self) -> bool:
        """Whether a line would be seen: only then it is made."""
        return time.monotonic() - self._shown >= (LIVELY if self._console.is_terminal else EVERY)

    def _show(self, line: str) -> None:
        if self._console.is_terminal:
            self._spinner.update(text=Text(line))
            self._live.start()
        elif self._due():
            self._console.print(Text(line), soft_wrap=True, highlight=False)
        else:
            return
        self._shown = time.monotonic()


def _pace(new: int, seconds: float, left: int, unit: str) -> str:
    """How fast so many new ones came in so many seconds, and how long the others will take; empty before the first."""
    if new <= 0 or seconds <= 0:
        return ""
    rate = new / seconds
    return f", {rate:,.{0 if rate >= 10 else 1}f} {unit}/s, {timedelta(seconds=round(left / rate))} left"
