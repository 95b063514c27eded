"""A finished run whose model is asked about single studies, by one process."""

from __future__ import annotations

from pathlib import Path

from accelerate import Accelerator

from mmdx.engine.processes import make_accelerator
from mmdx.errors import UsageError
from mmdx.files import RunLayout


def alone(folder: Path, verb: str) -> Accelerator:
    """The one process that asks the model of a run; `verb` is what was called.

    Raises `UsageError` for a cross-validation, whose studies have each taught all models but one, for a folder without
    test scores, and for a launch of several processes.
    """
    run = RunLayout(folder)
    if run.folds.is_file():
        raise UsageError(
            f"{folder}: is a cross-validation, of which each study has taught all models but its own; give one of its "
            f"folds, such as {run.fold(0).folder}"
        )
    if not run.scores("test").is_file():
        raise UsageError(f"{folder}: has no {run.scores('test').name}, scores of studies; give a run that has them")
    accelerator = make_accelerator()
    if accelerator.num_processes > 1:
        raise UsageError(f"mmdx {verb} runs as one process; start it without accelerate launch")
    return accelerator
