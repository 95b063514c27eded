"""The page in the browser as a verb."""

from __future__ import annotations

from typing import Annotated

import typer

from mmdx import cli_options as option
from mmdx.strangers.screen import screen
from mmdx.terminal.standing import show_standing


def demo(
    run: option.RunOrModel,
    port: Annotated[int, typer.Option(min=0, max=65535, help="port of this machine; 0 for any that is free")] = 7860,
) -> None:
    """Show a page in the browser that answers for dropped files, with a report and without; on this machine alone."""
    from mmdx.demo.serve import serve

    show_standing(run, screen(stderr=True))
    console = screen()

    def ready(address: str) -> None:
        console.print(f"page:  {address}  (Ctrl-C ends it)", markup=False, highlight=False, soft_wrap=True)

    try:
        serve(run, port=port, ready=ready)
    except KeyboardInterrupt:
        return
