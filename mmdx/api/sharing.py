"""A model leaves: to the Hub."""

from __future__ import annotations

from pathlib import Path

from mmdx.api.run import Run
from mmdx.engine.sharing.card import Benchmark
from mmdx.engine.sharing.push import Pushed, Terms
from mmdx.engine.sharing.push import push as push_run


def push(
    run: str | Path | Run,
    name: str,
    *,
    public: bool = False,
    license: str | None = None,
    benchmark: str | None = None,
    dry_run: bool = False,
) -> Pushed:
    """Pushes the model of a run or model folder to the Hub as `user/name`: private, unless `public` says otherwise.

    `license` is that of the model, `benchmark` the data set of the Hub that it was tested on (`ORG/DATASET:TASK`).
    `dry_run` says what would be pushed, and pushes nothing. No path of this machine and no identifier of a patient
    goes with it (`docs/sharing.md`). Raises `UsageError` where it may not be written there, or the Hub cannot be
    reached, and `DataError` where a file holds what tells of a patient.
    """
    terms = Terms(license, public, None if benchmark is None else Benchmark.parsed(benchmark))
    return push_run(run.folder if isinstance(run, Run) else Path(run), name, terms, dry=dry_run)
