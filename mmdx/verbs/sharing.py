"""A model leaves the house: to the Hub, or as a graph that runs without mmdx."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mmdx import cli_options as option
from mmdx.strangers.screen import screen

Name = Annotated[str, typer.Argument(metavar="USER/NAME", help="what the model is called on the Hub")]
License = Annotated[str | None, typer.Option(help="licence of the model, such as apache-2.0; unknown when left out")]
Public = Annotated[bool, typer.Option("--public", help="let everybody read it; when left out, you alone")]
Tested = Annotated[
    str | None,
    typer.Option("--benchmark", metavar="ORG/DATASET[:TASK]", help="data set of the Hub that it was tested on"),
]
Exported = Annotated[Path, typer.Argument(metavar="OUT", help="the folder to make")]
ImageOnly = Annotated[bool, typer.Option("--image-only", help="feed images alone: all else is always absent")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="say what would be pushed, and push nothing")]


def push(
    run: Annotated[Path, typer.Argument(help="a run folder, or a model folder")],
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


def export(run: option.RunOrModel, out: Exported, image_only: ImageOnly = False) -> None:
    """Export a model as ONNX and by torch.export, with a manifest of what to feed; it answers as mmdx predict does."""
    from mmdx.api.sharing import export as export_run
    from mmdx.terminal.sharing import show_exported

    show_exported(export_run(run, out, image_only=image_only), screen())
