"""Whether explanations point to what a model uses."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mmdx.strangers.screen import screen
from mmdx.terminal.following import Following

Studies = Annotated[int, typer.Option(min=1, help="test studies with a finding that are looked at, of each, at most")]


def explanations(run: Annotated[Path, typer.Argument(help="a finished run")], studies: Studies = 40) -> None:
    """Whether Grad-CAM and weights point to what a model uses: what they name is taken away, against chance.

    What it leaves beside the predictions of the run becomes a section of mmdx compare.
    """
    from mmdx.engine.reporting.explanations import checked_explanations
    from mmdx.terminal.sections import show_section

    with Following.beside(console := screen()) as following:
        section = checked_explanations(run, most=studies, count=following.count)
    show_section(section, console)
