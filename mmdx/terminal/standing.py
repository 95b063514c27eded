"""What is said of a run that is asked before it is finished."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console


def show_standing(run: Path, console: Console) -> None:
    """Prints how far a run folder, or the run of a model folder, has come; nothing where it is finished."""
    from mmdx.stats.cohort.unfinished import unfinished  # pandas, for which `mmdx --help` does not wait

    standing = unfinished(run)
    if standing is not None:
        console.print(f"{run}: {standing.sentence}", markup=False, highlight=False, soft_wrap=True)
