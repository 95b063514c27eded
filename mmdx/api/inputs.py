"""Whether a model uses its inputs."""

from __future__ import annotations

from pathlib import Path

from mmdx.api.run import Run
from mmdx.engine.reporting.inputs import measured_inputs
from mmdx.engine.scoring.swaps.write import MOST_STUDIES
from mmdx.stats.report.section import Section


def inputs(run: str | Path | Run, *, studies: int = MOST_STUDIES) -> Section:
    """Whether the model of a finished run uses each of its inputs: they are exchanged between patients, withheld, and
    reports are put in other words; nothing is trained.

    What it finds are the `sentences`, `sheets` and `plots` of the value; `record` has all numbers. They are also a
    section of `mmdx.compare(run)` from then on. At most `studies` test studies that have every input are taken. Raises
    `UsageError` for a run of one input and `DataError` where fewer than ten studies have every input.
    """
    return measured_inputs(run.folder if isinstance(run, Run) else Path(run), most=studies)
