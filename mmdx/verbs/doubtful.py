"""Labels that may be wrong, for a reader to look at."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mmdx.strangers.screen import screen

DoubtedRun = Annotated[
    Path, typer.Argument(help="a run folder with scores out of fold: refitted, or a cross-validation")
]
DoubtedFinding = Annotated[str | None, typer.Option("--finding", metavar="NAME", help="this finding alone")]
Top = Annotated[int, typer.Option("--top", metavar="N", help="how many to picture of studies, and of slices")]
DoubtfulOut = Annotated[
    Path | None, typer.Option("--out", metavar="FOLDER", help="where to; RUN/doubtful when left out")
]


def doubtful(run: DoubtedRun, finding: DoubtedFinding = None, top: Top = 20, out: DoubtfulOut = None) -> None:
    """List labels that scores out of fold contradict, as a table and a page with pictures; nothing is changed."""
    from mmdx.engine.reporting.doubtful import write_doubtful
    from mmdx.stats.doubtful import find_doubtful
    from mmdx.terminal.audit import show_doubtful

    found = find_doubtful(run, finding=finding, top=top)
    show_doubtful(found, write_doubtful(found, out or run / "doubtful"), screen())
