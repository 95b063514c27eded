"""A model leaves the house: to the Hub."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mmdx.strangers.screen import screen

Pushed = Annotated[Path, typer.Argument(help="a run folder, or a model folder")]
Name = Annotated[str, typer.Argument(metavar="USER/NAME", help="what the model is called on the Hub")]
License = Annotated[str | None, typer.Option(help="licence of the model, such as apache-2.0; unknown when left out")]
Public = Annotated[bool, typer.Option("--public", help="let everybody read it; when left out, you alone")]
Tested = Annotated[
    str | None,
    typer.Option("--benchmark", metavar="ORG/DATASET[:TASK]", help="data set of the Hub that it was tested on"),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="say what would be pushed, and push nothing")]


def push(
    run: Pushed,
    name: Name,
    license: License = None,
    public: Public = False,
    benchmark: Tested = None,
    dry_run: DryRun = False,
) -> None:
    """Push a model to the Hugging Face Hub, private unless --public; nothing of a patient goes with it."""
    from mmdx.api.sharing import push as push_run
    from mmdx.terminal.sharing import show_pushed

    pushed = push_run(run, name, public=public, license=license, benchmark=benchmark, dry_run=dry_run)
    show_pushed(pushed, screen())
