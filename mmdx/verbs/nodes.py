"""Verbs that speak with other applications of a hospital: answer what they send, and send them what was answered."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from mmdx import cli_options as option
from mmdx.errors import DataError, UsageError
from mmdx.extras import needed_by
from mmdx.strangers.screen import screen
from mmdx.terminal.standing import show_standing

app = typer.Typer()


@app.command()
def serve(
    run: option.RunOrModel,
    out: option.Answers,
    host: Annotated[str, typer.Option(help="address to listen at; others need --allow")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="port to listen at; 0 for any that is free")] = 11112,
    aet: option.OwnTitle = "MMDX",
    allow: option.Senders = None,
    quiet_for: Annotated[float, typer.Option(min=0.1, help="seconds without an image: a study is whole")] = 10,
    most: option.HeldMebibytes = 16384,
    to: option.SentTo = None,
    stow: option.Stow = None,
    watch: option.Watching = None,
    modality: option.InputModality = None,
) -> None:
    """Listen for DICOM studies and answer each as a DICOM SR, which is kept in a folder and can be sent on."""
    _need("mmdx serve")
    from mmdx.engine.sharing.fetch import local_model
    from mmdx.nodes.inbox import Bounds
    from mmdx.nodes.node import checked_title
    from mmdx.nodes.outlets import Outlets
    from mmdx.nodes.receiving import Door
    from mmdx.nodes.serving import Service, serve

    outlets = Outlets.parsed(aet, to, stow)
    door = Door(host, port, outlets.title, [checked_title(title, "--allow") for title in allow or []])
    service = Service(door, Bounds.of(quiet_for, most), out, outlets, watch, modality)
    run = local_model(run)
    show_standing(run, screen(stderr=True))
    console = screen()

    def say(line: str) -> None:
        console.print(line, markup=False, highlight=False, soft_wrap=True)

    serve(run, service, say)


@app.command()
def send(
    files: Annotated[list[Path], typer.Argument(help="DICOM files, or folders whose .dcm files are meant")],
    to: option.SentTo = None,
    stow: option.Stow = None,
    aet: option.OwnTitle = "MMDX",
) -> None:
    """Send DICOM files, such as those of predict --sr and explain --dicom, to an archive."""
    _need("mmdx send")
    from mmdx.nodes.outlets import Outlets

    if to is None and stow is None:
        raise UsageError("say where the files go: --to HOST:PORT:AET, --stow URL, or both")
    outlets, paths = Outlets.parsed(aet, to, stow), [path for given in files for path in _dicom_files(given)]
    if unsent := outlets.send(paths):
        raise DataError([f"not sent: {line}" for line in unsent])
    screen().print(f"sent: {len(paths)} file{'s' * (len(paths) > 1)}", markup=False, highlight=False)


def _dicom_files(given: Path) -> list[Path]:
    found = sorted(given.rglob("*.dcm")) if given.is_dir() else [given]
    if not found or not found[0].is_file():
        raise UsageError(f"{given}: {'holds no .dcm file' if given.is_dir() else 'no such file'}")
    return found


def _need(verb: str) -> None:
    for module, package in (("pynetdicom", "pynetdicom"), ("dicomweb_client", "dicomweb-client")):
        with needed_by(verb, package, "pacs"):
            import_module(module)
