"""Whether a model uses its inputs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mmdx.strangers.screen import screen
from mmdx.terminal.following import Following

Studies = Annotated[int, typer.Option(min=10, help="test studies among which inputs are exchanged, at most")]


def inputs(run: Annotated[Path, typer.Argument(help="a finished run")], studies: Studies = 400) -> None:
    """Whether a model uses each of its inputs: exchanged between patients, withheld, and reports in other words.

    What it leaves beside the predictions of the run becomes a section of mmdx compare.
    """
    from mmdx.engine.reporting.inputs import measured_inputs
    from mmdx.terminal.sections import show_section

    with Following.beside(console := screen()) as following:
        section = measured_inputs(run, most=studies, count=following.count)
    show_section(section, console)
