"""What `mmdx plan` shows: what was found, what was chosen, what it would rather have, and what comes next."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from mmdx.engine.planning.planned import Planned

WIDEST = 80
EDGE = 9
"""Columns of the words on the left."""


def show_planned(planned: Planned, path: Path, console: Console) -> None:
    """Shows a plan in lines of 80 columns at most, and the file that has all of it."""
    for word, text in planned.summary:
        _show(word, text, console)
    _show("takes", _time(planned), console)
    _show_all("rather", planned.wishes, console)
    _show_all("mind", planned.remarks, console)
    console.print()
    console.print(f"plan:    {path}\nnext:    mmdx train {path}", markup=False, highlight=False, soft_wrap=True)


def _time(planned: Planned) -> str:
    minutes = f"about {planned.minutes:.0f} minutes" if planned.minutes >= 1 else "less than a minute"
    return minutes if planned.fits else f"{minutes}, which is more than there are"


def _show_all(word: str, sentences: Sequence[str], console: Console) -> None:
    for number, sentence in enumerate(sentences):
        _show(word if number == 0 else "", sentence, console)


def _show(word: str, text: str, console: Console) -> None:
    """A text beside its word, further lines below its first."""
    width = min(console.width, WIDEST) - EDGE
    for number, line in enumerate(textwrap.wrap(text, width, break_on_hyphens=False)):
        console.print(Text.assemble(((word if number == 0 else "").ljust(EDGE), "bold"), line))
