"""A model leaves: to the Hub, or as a graph that runs without mmdx."""

from __future__ import annotations

from pathlib import Path

from mmdx.api.run import Run
from mmdx.engine.export.export import Exported
from mmdx.engine.export.export import export as export_run
from mmdx.engine.sharing.card import Benchmark
from mmdx.engine.sharing.fetch import local_model
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


def export(run: str | Path | Run, out: str | Path, *, image_only: bool = False) -> Exported:
    """Exports the model of a run or model folder as ONNX, as torch's exported program, and with a manifest that says
    what it is to be fed, into the folder `out`; with `image_only` all but images is always absent.

    Any number of images and words can be fed. The answers are those of `mmdx predict` to 1e-4, calibration and linear
    models included, which is measured before the folder is there (`docs/export.md`). Raises `UsageError` where the
    model cannot be exported so, or something lies there, and `DataError` where the answers differ.
    """
    folder = run.folder if isinstance(run, Run) else local_model(run)
    return export_run(folder, Path(out), image_only=image_only)
