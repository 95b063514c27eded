"""Configs, trainings and trained models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import pandas as pd
from rich.console import Console

from mmdx.api.run import Run
from mmdx.config_file import read_raw, with_values
from mmdx.engine.assembly.resolve import resolve_raw
from mmdx.engine.experiments.ablation.ablate import ablate as run_ablation
from mmdx.engine.experiments.ablation.plan import SEEDS, Extent, Job, Plan
from mmdx.engine.experiments.ablation.processes import Board, Launch, Standing, Watcher
from mmdx.engine.experiments.ensemble import ensemble_runs
from mmdx.engine.experiments.external.second import SecondCohort
from mmdx.engine.experiments.run import evaluate as evaluate_run
from mmdx.engine.experiments.run import train as train_run
from mmdx.engine.inference.model import Model
from mmdx.engine.planning.plan import MINUTES, plan_source
from mmdx.engine.planning.planned import Planned
from mmdx.engine.scoring.evaluate import Scoring
from mmdx.errors import DataError
from mmdx.schema import Config
from mmdx.stats.cohort.predictions import read_predictions
from mmdx.stats.evidence import Evidence
from mmdx.strangers.screen import screen

ConfigSource = str | Path | Mapping[str, Any] | Config


def plan(
    source: str | Path,
    *,
    reader: str | None = None,
    minutes: int | float = MINUTES,
    plugins: Sequence[str] = (),
    **options: Any,
) -> Planned:
    """A config for the studies in raw files on this machine, each line with its reason: `train(plan(source).config)`.

    `reader` is one of `mmdx list readers`, by default `dicom` or `folder`, whichever fits; `options` are its own.
    `minutes` is how long the training may take here; `plugins` are modules of your own to import first. A few images
    are decoded, and steps of the model are timed. Raises `DataError` where there is nothing to learn, or nothing to
    learn it from, and `UsageError` for a reader or an option that there is not.
    """
    return plan_source(Path(source), reader=reader, options=options, minutes=float(minutes), plugins=plugins)


def config(source: ConfigSource, overrides: Mapping[str, Any] | None = None) -> Config:
    """A config with every default written out, checked before any data or device is touched.

    `source` is a YAML file, a mapping such as such a file holds, or a `Config`; `overrides` sets dotted keys:
    `{"train.epochs": 3, "model.fusion": "gated"}`. Raises `UsageError` with all problems at once.
    """
    if isinstance(source, Config):
        raw: Mapping[str, Any] = source.model_dump(mode="json")
    else:
        raw = source if isinstance(source, Mapping) else read_raw(Path(source))
    return resolve_raw(
        with_values(raw, overrides or {}), "config" if isinstance(source, Config | Mapping) else str(source)
    )


def train(
    source: ConfigSource,
    *,
    run: str | Path | None = None,
    resume: bool = False,
    progress: bool = False,
) -> Run:
    """Trains on every study of the training split, scores validation and test with each modality shown, compares.

    `source` is what `config` takes. The run folder is `run`, else that of the config, else `runs/<name>-<n>`, named
    after the YAML file; `resume` goes on with a training that was stopped. `progress` shows epochs as they end. Folds,
    two stages and guidance are trained where the config asks for them. Raises `UsageError` where the folder holds a run
    already, and `DataError` where the studies cannot teach what the config asks for.
    """
    chosen = config(source, {} if run is None else {"run": str(run)})
    conclusion = train_run(chosen, name=_name(source), resume=resume, console=screen(quiet=not progress))
    return Run(conclusion.run.folder)


def load(run: str | Path | Run, *, revision: str | None = None) -> Model:
    """The model of a run folder, of a model folder, or of the Hub (`user/name`, and which `revision` of it), on the
    CPU: `predict`, `explain` and `features` of files, studies or arrays.

    A folder that exists is never looked for on the Hub. Raises `UsageError` or `DataError` where there is none.
    """
    return Model.from_pretrained(run.folder if isinstance(run, Run) else run, revision=revision)


def ensemble(runs: Sequence[str | Path | Run], out: str | Path) -> Run:
    """Several finished runs as one model in the run folder `out`: the mean of their calibrated logits, scored on the
    studies that were test for all of them.

    `runs` are trainings of one config with other seeds, or cross-validations of the same folds. `load(out)` asks it,
    `compare(out, *runs)` holds it against its members. Raises `UsageError` where the runs do not answer alike, are of
    other studies, or share no test study.
    """
    folders = [run.folder if isinstance(run, Run) else Path(run) for run in runs]
    return Run(ensemble_runs(Path(out), folders, console=Console(quiet=True)).run.folder)


def evaluate(
    run: str | Path | Run,
    *,
    on: str | Path | SecondCohort | None = None,
    split: Literal["train", "val", "test"] | None = None,
    show: Sequence[str] = (),
    order: Literal["certified", "shuffled", "reversed"] | None = None,
    drop: float | None = None,
    out: str | Path | None = None,
) -> pd.DataFrame:
    """Scores a run again: one row per study (slices, where the model answers for no studies), finding and showing.

    `on` is a second cohort: a store, `READER:SOURCE`, or a `SecondCohort` with names and options; of it every study is
    scored, and by default of the run's own the `split` test. `show` names what is shown, such as
    `["image", "image+report"]`, by default all that a run shows by itself. `order` reads images in another order,
    `drop` leaves out that share of them. The files are left in `out`, if it is given; those of the run itself are never
    touched. Raises `DataError` where the store is not that of the training, or the second cohort is stored otherwise.
    """
    folder = run.folder if isinstance(run, Run) else Path(run)
    with TemporaryDirectory(prefix="mmdx-") as temporary:
        place = Path(out) if out is not None else Path(temporary)
        second = on if on is None or isinstance(on, SecondCohort) else SecondCohort(str(on))
        scores = evaluate_run(folder, split=split, show=show, out=place, scoring=Scoring(order, drop), on=second)
        return read_predictions(scores.path)


def ablate(
    source: ConfigSource,
    *,
    seeds: int = SEEDS,
    fusions: Sequence[str] | None = None,
    sizes: Sequence[int] = (),
    tries: int = 0,
    out: str | Path | None = None,
    jobs: int | None = None,
) -> Evidence:
    """Trains each modality alone, the fusion, other fusions and what is left without a modality; compares them all.

    `seeds` are trainings of each variant, `fusions` the others to try (`concat` and `late` if None), `sizes` numbers
    of training patients for a learning curve, `tries` how many settings each variant tries on validation (0: all have
    those of the config), `jobs` trainings at once. Everything is left in `out`, else in
    `ablations/<name>`; what is trained there is not trained again. Raises `DataError` where a training failed, with the
    name of each.
    """
    name = _name(source)
    folder = Path(out) if out is not None else Path("ablations") / name
    extent = Extent(seeds, fusions, sizes, tries)
    launch = Launch.of_machine("", jobs)
    result = run_ablation(
        config(source),
        name=name,
        extent=extent,
        out=folder,
        launch=launch,
        console=Console(quiet=True),
        watch=_unwatched,
    )
    if result.evidence is None:
        failed = [f"{folder}: the training of {job} failed; its log lies beside it" for job in result.failed]
        raise DataError(failed or f"{folder}: another command still trains there; call again when it is done")
    return result.evidence


def _name(source: ConfigSource) -> str:
    """What a run without a folder of its own is called after."""
    return Path(source).stem if isinstance(source, str | Path) else "run"


@contextmanager
def _unwatched(plan: Plan, launch: Launch, jobs: Sequence[Job]) -> Iterator[Watcher]:
    yield _Unwatched()


class _Unwatched:
    """Looks on while jobs are trained, and says nothing."""

    def began(self, job: Job) -> None:
        return None

    def ended(self, job: Job, standing: Standing, lines: Sequence[str]) -> None:
        return None

    def look(self, board: Board) -> None:
        return None
