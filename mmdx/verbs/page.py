"""The page in the browser as a verb."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mmdx.strangers.screen import screen
from mmdx.terminal.standing import show_standing


def demo(
    place: Annotated[
        Path,
        typer.Argument(metavar="RUN", help="a run folder or a model folder; or a folder that mmdx compare left"),
    ],
    port: Annotated[int, typer.Option(min=0, max=65535, help="port of this machine; 0 for any that is free")] = 7860,
) -> None:
    """Show a page in the browser, on this machine alone: answers for dropped files with a report and without it, or a
    comparison."""
    from mmdx.demo.serve import serve

    show_standing(place, screen(stderr=True))
    console = screen()

    def ready(address: str) -> None:
        console.print(f"page:  {address}  (Ctrl-C ends it)", markup=False, highlight=False, soft_wrap=True)

    try:
        serve(place, port=port, ready=ready)
    except KeyboardInterrupt:
        return
