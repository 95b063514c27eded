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
    _show_plan(planned, console)
    console.print(f"plan:    {path}\nnext:    mmdx train {path}", markup=False, highlight=False, soft_wrap=True)


def show_begun(planned: Planned, files: Sequence[Path], console: Console) -> None:
    """Shows the plan of a new study, and what its folder begins with."""
    _show_plan(planned, console)
    config, readme, card = files
    lines = [f"plan:    {config}", f"card:    {card}  (questions for you)", f"next:    {readme}  (the way to a claim)"]
    console.print("\n".join(lines), markup=False, highlight=False, soft_wrap=True)


def _show_plan(planned: Planned, console: Console) -> None:
    for word, text in planned.summary:
        _show(word, text, console)
    _show("takes", _time(planned), console)
    _show_all("rather", planned.wishes, console)
    _show_all("mind", planned.remarks, console)
    console.print()


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
