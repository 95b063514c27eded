"""What somebody needs who has just installed mmdx."""

from __future__ import annotations

import typer

from mmdx.strangers.screen import screen


def doctor() -> None:
    """Say what this installation and machine have, and what is missing with the command that brings it."""
    from mmdx.engine.planning.doctor import checkup
    from mmdx.terminal.doctor import show_checkup

    found = checkup()
    show_checkup(found, screen())
    raise typer.Exit(0 if found.sound else 1)
