"""The server of the page: on loopback alone, without a word to anybody else, and with one folder for all that touches
the disk, which is removed at the end."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from mmdx.data.own_folder import own_folder
from mmdx.errors import UsageError
from mmdx.extras import needed_by

HOST = "127.0.0.1"
PORT = 7860
QUIET = {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
"""Variables that keep gradio and what it imports from asking the network."""
PATIENCE = 1
"""Seconds that open connections of a browser have when the server ends."""


def serve(place: Path, *, port: int, ready: Callable[[str], None]) -> None:
    """Shows the page of the model in `place` (a run or model folder), or of the comparison there, until the process is
    told to end; `ready` is given its address, as soon as it answers there.

    Raises `UsageError` and `DataError` where there is neither, `UsageError` where the port is taken or gradio is not
    installed.
    """
    with _own_folder() as folder, _listening(port) as listening:
        with needed_by("mmdx demo", "gradio", "demo"):
            import_module("gradio")
        import uvicorn

        app = _application(place, folder)
        config = uvicorn.Config(
            # Faults are told by `faults.py`: a traceback may quote what stands in a file.
            app,
            log_level="critical",
            access_log=False,
            timeout_graceful_shutdown=PATIENCE,
            server_header=False,
        )
        listening.listen()
        ready(f"http://{HOST}:{listening.getsockname()[1]}")
        uvicorn.Server(config).run(sockets=[listening])


def _application(place: Path, folder: Path) -> Any:
    """What the server runs for a model or a comparison; files of visits go below `folder`."""
    from mmdx.demo.comparison import Written, is_comparison

    if is_comparison(place):
        from mmdx.demo.comparison_page import comparison_page, comparison_routes

        written = Written.of(place)
        return application(comparison_page(written), comparison_routes(written))
    from mmdx.demo.answer import Opened
    from mmdx.demo.page import page_of
    from mmdx.demo.routes import visit_routes
    from mmdx.demo.visits import Visits

    visits = Visits(folder)
    return application(page_of(Opened.of(place), visits), visit_routes(visits))


def application(page: Any, routes: Sequence[Any]) -> Any:
    """What the server runs: gradio's page with the `routes` before it, guarded."""
    import gradio as gr
    from fastapi import FastAPI
    from gradio.themes import Default

    from mmdx.demo.routes import Guarded, part_routes

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.router.routes += [*part_routes(), *routes]
    letters, code = ["system-ui", "sans-serif"], ["ui-monospace", "monospace"]  # those of the machine
    mounted = gr.mount_gradio_app(
        app,
        page,
        path="/",
        server_name=HOST,
        footer_links=[],
        run_history=False,
        show_error=False,
        max_file_size=0,
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        mcp_server=False,
        theme=Default(primary_hue="blue", font=letters, font_mono=code),
        # As files: gradio rewrites a style that it is given, and loses what holds variables.
        head='<link rel="stylesheet" href="/page.css"><script src="/page.js" defer></script>',
    )
    return Guarded(mounted)


@contextmanager
def _own_folder() -> Iterator[Path]:
    """A folder that nobody else may look into, in which also gradio and what unpacks archives write; removed at the
    end."""
    with own_folder("mmdx-demo-") as folder:
        variables = {**QUIET, "GRADIO_TEMP_DIR": str(folder)}
        kept = {name: os.environ.get(name) for name in variables}
        os.environ.update(variables)
        try:
            yield folder
        finally:
            for name, value in kept.items():
                os.environ.pop(name) if value is None else os.environ.update({name: value})


@contextmanager
def _listening(port: int) -> Iterator[socket.socket]:
    """A socket of this machine alone. Raises `UsageError` where the port is taken or not allowed."""
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((HOST, port))
        except OSError as error:
            why = f"cannot be taken ({error.strerror})"
            raise UsageError(f"--port {port}: {why}; choose another, or 0 for any") from None
        yield listening
