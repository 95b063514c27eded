"""What somebody needs who begins: a folder for a study, and whether this machine has what mmdx needs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mmdx import cli_options as option
from mmdx.strangers.screen import screen


def init(
    folder: Annotated[Path, typer.Argument(help="the folder to make")],
    reader: Annotated[str, typer.Argument(help="a reader; mmdx list readers names them")],
    source: Annotated[Path, typer.Argument(metavar="SRC", help="the raw files, where they lie")],
    options: option.PlannedReader = None,
    minutes: option.Minutes = 60,
    plugin: option.Plugins = None,
) -> None:
    """Make a folder for a new study: a config by mmdx plan, a README with the way to a claim, a card to fill."""
    from mmdx.config_file import with_overrides
    from mmdx.engine.planning.begun import begin, refuse_taken
    from mmdx.engine.planning.plan import plan_source
    from mmdx.terminal.plan import show_begun

    refuse_taken(folder)
    chosen = with_overrides({}, options or [])
    planned = plan_source(source, reader=reader, options=chosen, minutes=minutes, plugins=plugin or [])
    show_begun(planned, begin(folder, planned, source), screen())


def doctor() -> None:
    """Say what this installation and machine have, and what is missing with the command that brings it."""
    from mmdx.engine.planning.doctor import checkup
    from mmdx.terminal.doctor import show_checkup

    found = checkup()
    show_checkup(found, screen())
    raise typer.Exit(0 if found.sound else 1)
