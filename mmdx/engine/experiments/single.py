"""One experiment from config to claim: store, training, scores on every showing, comparison."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

import joblib
import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list
from rich.console import Console

from mmdx.config import Config
from mmdx.config_file import dump_config
from mmdx.data.splits.fewer import with_fewer
from mmdx.data.splits.splits import make_splits, prove_disjoint, read_splits, write_splits
from mmdx.data.store.prepare import Recipe, prepare_into, prepare_under
from mmdx.data.store.store import EXTRACTED, Store, split_counts
from mmdx.data.text.redaction import absent_sections
from mmdx.engine.assembly.checks import check_studies_for, check_training, shown_nothing
from mmdx.engine.assembly.saved import SavedModel, is_described, load_model
from mmdx.engine.experiments.two_stage import described_first
from mmdx.engine.processes import main_first
from mmdx.engine.reporting.audit import AUDIT_FILE, verdict_for
from mmdx.engine.reporting.conclude import conclude, orders_of, tell_results
from mmdx.engine.runs.folder import Run, choose_run, environment
from mmdx.engine.runs.studies import write_studies
from mmdx.engine.scoring.baseline_files import write_baselines
from mmdx.engine.scoring.score import score_splits, showings
from mmdx.engine.scoring.texts import said_of_writing, write_reports
from mmdx.engine.training.loop import fit, plan, set_up
from mmdx.engine.training.objective import Objective, objective
from mmdx.errors import DataError, UsageError
from mmdx.study import Split

LAUNCHED_SHORT = (
    "one process: accelerate launch --cpu starts no more, whatever --num_processes says; for several on a CPU: "
    "torchrun --nproc_per_node N train.py"
)


def open_store(config: Config, console: Console, turn: AbstractContextManager[None] | None = None) -> Store:
    """The store that a config names, prepared first where it names a reader and a source and is not there yet.

    Several processes each write their share of it, and read the raw files within `turn`.
    """
    data = config.data
    if data.reader is None or data.source is None:
        if data.store is None:
            raise UsageError("data: no studies; give store, or reader and source")
        return Store(data.store)
    recipe = Recipe(data.reader, data.source, data.size, data.pseudonym_key)
    look = partial(check_studies_for, config)
    if data.store is not None:
        return prepare_into(recipe, data.store, None, console, turn, look)
    return prepare_under(recipe, data.stores, console, turn, look)


def deal(config: Config, store: Store) -> list[Split]:
    """The split of a run: the store's own, or dealt anew by `data.split`, with as many training patients as the config
    asks for. Proved disjoint by patient."""
    return for_training(config, store, _dealt(config, store))


def for_training(config: Config, store: Store, splits: list[Split]) -> list[Split]:
    """`splits` with the training patients that `data.train_patients` leaves out unused."""
    count = config.data.train_patients
    if count is None:
        return splits
    if EXTRACTED in store.description:
        raise UsageError(
            f"data.train_patients: the descriptors of {store.folder} were made by models that learned from all "
            "training patients; leave it out, or train the run that they are of on fewer"
        )
    return list(with_fewer(store.patient_ids, store.labels, splits, count=count, seed=config.seed))


def _dealt(config: Config, store: Store) -> list[Split]:
    if config.data.split is None:
        return store.splits
    if EXTRACTED in store.description:
        raise UsageError(
            f"data.split: the descriptors of {store.folder} were made under its own split, by models that saw the "
            "studies of another; leave data.split out, or split the run that they are of"
        )
    options, nobody = config.data.split, [None] * len(store)
    splits = make_splits(
        store.study_ids, store.patient_ids, store.labels, nobody, val=options.val, test=options.test, seed=options.seed
    )
    prove_disjoint(store.study_ids, store.patient_ids, splits)
    return list(splits)


def run_training(config: Config, name: str, console: Console, *, resume: bool) -> Path:
    """Trains `config` (resolved) on one split, scores it and prints what it shows; returns the run folder."""
    accelerator, loud, store, folder = start(config, name, console, resume=resume)
    train_split(config, folder, store, deal(config, store), accelerator, loud, resume=resume)
    loud.print(f"run folder:   {folder}\nnext:         mmdx compare {folder}", markup=False, highlight=False)
    accelerator.end_training()
    return folder


def start(config: Config, name: str, console: Console, *, resume: bool) -> tuple[Accelerator, Console, Store, Path]:
    """What every training begins with: its processes, a console for the main one, the store, and where it goes."""
    accelerator = make_accelerator(config.train.precision)
    loud = Console(stderr=console.stderr, quiet=not accelerator.is_main_process)
    if _launched_short(accelerator):
        loud.print(LAUNCHED_SHORT, highlight=False)
    store = open_store(config, loud, main_first(accelerator))
    chosen = [str(choose_run(config, name, resume=resume))] if accelerator.is_main_process else [""]
    return accelerator, loud, store, Path(broadcast_object_list(chosen)[0])


def train_split(
    config: Config,
    folder: Path,
    store: Store,
    splits: list[Split],
    accelerator: Accelerator,
    console: Console,
    *,
    resume: bool,
    objective: Objective = objective,
    tell: bool = True,
) -> SavedModel:
    """Trains `config` (resolved) on one split of a store, scores val and test, and concludes; returns the best model.

    `folder` becomes a run folder, or goes on as one with `resume`. `console` is quiet where the process is not the main
    one; `tell` prints what the test split shows at the end. The accelerator is left as it was found, so that a command
    can train again with it. What the first of two stages leaves takes the place of `store`.
    """
    run = Run(folder)
    check_training(config, store, splits)
    if config.first is not None:
        if accelerator.is_main_process:
            describe(run, config, store, splits)
        store = described_first(config, run, store, splits, accelerator, console, train=train_split)
    if accelerator.is_main_process:
        # A model that cannot be built leaves no folder behind.
        planned = None if is_described(run.best) else plan(config, store, splits)
        describe(run, config, store, splits)
        record_store(run, store, accelerator)
        if planned is not None:
            planned.write(run, config, store)
        audited = verdict_for(store, splits)
        run.write_json(AUDIT_FILE, audited)
        console.print(f"audit: {audited['verdict']}", markup=False, highlight=False)
    with _tracked(accelerator, folder):
        training = set_up(config, run, store, splits, accelerator, resume=resume, objective=objective)
        console.print(_opening(training.saved, store, splits, run, accelerator), highlight=False)
        for line in orders_of(training.saved, store).sentences():
            console.print(line, markup=False, highlight=False)
        fit(training, console)
    return score_best(run, store, splits, accelerator, console, tell=tell)


def score_best(
    run: Run, store: Store, splits: list[Split], accelerator: Accelerator, console: Console, *, tell: bool = True
) -> SavedModel:
    """Scores the best model of a run on val and test, and concludes; `tell` prints it. Returns the model."""
    saved = load_model(run.best)
    saved.model.to(accelerator.device)
    shown = showings(list(saved.config.model.inputs))
    scored: tuple[Split, ...] = ("val", "test")
    for split in scored:
        score_splits(saved, store, splits, split, shown, accelerator, run.predictions)
    reports = write_reports(saved, store, splits, "test", accelerator, run.predictions)
    if accelerator.is_main_process:
        said = [] if run.studies.is_file() else write_studies(run.studies, store, "split", splits)
        for line in [*said, *write_baselines(saved, store, splits, scored, run.predictions)]:
            console.print(line, markup=False, highlight=False)
        results = conclude(run, saved, store, splits, reports)
        if tell:
            tell_results(results, console)
    accelerator.wait_for_everyone()
    return saved


@contextmanager
def _tracked(accelerator: Accelerator, folder: Path) -> Iterator[None]:
    """Logs of one training go to `folder`; afterwards nothing of that training is left in the accelerator."""
    scaler = accelerator.scaler.state_dict() if accelerator.scaler is not None else None
    accelerator.project_configuration.logging_dir = str(folder)
    accelerator.init_trackers("tensorboard")
    yield
    for tracker in accelerator.trackers:
        tracker.finish()
    accelerator.trackers = []
    accelerator.free_memory()
    if accelerator.scaler is not None and scaler is not None:
        accelerator.scaler.load_state_dict(scaler)


def make_accelerator(precision: str = "no") -> Accelerator:
    """The processes that were started, on their devices; several on a machine without an accelerator meet over gloo."""
    no_device = not torch.accelerator.is_available()
    accelerator = Accelerator(mixed_precision=precision, log_with="tensorboard", project_dir="runs", cpu=no_device)
    # accelerate launch holds a lone CPU process to one thread; mmdx train has all that the machine gives it.
    if accelerator.device.type == "cpu" and accelerator.num_processes == 1 and "ACCELERATE_USE_CPU" in os.environ:
        torch.set_num_threads(joblib.cpu_count())
    return accelerator


def _launched_short(accelerator: Accelerator) -> bool:
    """Whether `accelerate launch` was asked for several CPU processes: it says where they meet, and starts one."""
    asked = {"ACCELERATE_USE_CPU", "MASTER_PORT"} <= os.environ.keys()
    return asked and accelerator.device.type == "cpu" and accelerator.num_processes == 1


def describe(run: Run, config: Config, store: Store, splits: Sequence[Split]) -> None:
    """The first files of a run; a resumed run keeps the ones that it has."""
    if run.config_file.is_file():
        if read_splits(run.splits) != dict(zip(store.study_ids, splits, strict=True)):
            raise DataError(f"{run.splits}: the store deals its patients otherwise now; start a new run")
        return
    run.folder.mkdir(parents=True, exist_ok=True)
    write_splits(run.splits, store.study_ids, store.patient_ids, list(splits))
    run.write_text(run.config_file.name, dump_config(config))


def write_origin(run: Run, config: Config, store: Store, accelerator: Accelerator) -> None:
    """On what a run stands, and last its config: with it, the run can be resumed."""
    record_store(run, store, accelerator)
    run.write_text(run.config_file.name, dump_config(config))


def record_store(run: Run, store: Store, accelerator: Accelerator) -> None:
    """What a run runs on. Raises `DataError` where a run that goes on was trained on another store."""
    if run.environment_file.is_file():
        same_store(run, store)
        return
    where = {"folder": str(store.folder), **store.description}
    facts = environment(device=str(accelerator.device), processes=accelerator.num_processes, store=where)
    run.write_json(run.environment_file.name, facts)


def same_store(run: Run, store: Store) -> None:
    """Raises `DataError` where a store is not the one that the run was trained on."""
    if store.description["fingerprint"] != run.environment()["store"]["fingerprint"]:
        raise DataError(f"{store.folder}: is not the store that {run.folder} was trained on; prepare that one again")


def _opening(saved: SavedModel, store: Store, splits: Sequence[Split], run: Run, accelerator: Accelerator) -> str:
    parameters = sum(p.numel() for p in saved.model.parameters() if p.requires_grad) / 1e6
    counts = ", ".join(f"{name} {count}" for name, count in split_counts(splits).items())
    lines = [
        f"{'+'.join(saved.config.model.inputs)}: {parameters:.2f} M parameters to train, "
        f"{accelerator.num_processes} x {accelerator.device.type}",
        f"studies: {counts}; run folder {run.folder}",
    ]
    for name in [n for n, known in saved.facts.inputs.items() if known.kind == "text"]:
        told = (store.read(row).text(name) or "" for row, split in enumerate(splits) if split == "train")
        strange = absent_sections(told, saved.config.data.reports)
        lines += [f"data.reports: no training report has a section '{section}'" for section in strange]
    lines += [line] if (line := shown_nothing(saved.config, store, splits)) else []
    lines += said_of_writing(saved, store, splits)
    columns = store.columns_of(saved.facts.findings)
    for split in ("train", "test"):
        labels = store.labels[np.array([name == split for name in splits])][:, columns]
        single = [
            f
            for f, column in zip(saved.facts.findings, labels.T, strict=True)
            if len(set(column[column == column])) < 2
        ]
        if single:
            lines.append(f"{split}: one class only for {', '.join(single)}")
    return "\n".join(lines)
