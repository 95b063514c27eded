"""One experiment from config to claim: store, training, scores on every showing, comparison."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from accelerate import Accelerator
from accelerate.utils import broadcast_object_list
from rich.console import Console

from mmdx.config import Config
from mmdx.data.splits.splits import Splits
from mmdx.data.store.store import Store
from mmdx.data.text.redaction import absent_sections
from mmdx.engine.assembly.checks import check_training, shown_nothing
from mmdx.engine.assembly.saved import SavedModel, load_model
from mmdx.engine.assembly.store import deal, open_store
from mmdx.engine.experiments.two_stage import described_first
from mmdx.engine.processes import LAUNCHED_SHORT, launched_short, main_first, make_accelerator
from mmdx.engine.reporting.audit import verdict_for
from mmdx.engine.reporting.conclude import conclude, orders_of, tell_results
from mmdx.engine.runs.folder import choose_run, is_model_folder
from mmdx.engine.runs.record import record_plan, record_store
from mmdx.engine.runs.studies import write_studies
from mmdx.engine.scoring.baseline_files import write_baselines
from mmdx.engine.scoring.score import score_splits, showings
from mmdx.engine.scoring.texts import said_of_writing, write_reports
from mmdx.engine.training.loop import fit, plan, set_up
from mmdx.engine.training.objective import Objective, objective
from mmdx.files import RunLayout, write_json
from mmdx.study import Split


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
    if launched_short(accelerator):
        loud.print(LAUNCHED_SHORT, highlight=False)
    store = open_store(config, loud, main_first(accelerator))
    chosen = [str(choose_run(config, name, resume=resume))] if accelerator.is_main_process else [""]
    return accelerator, loud, store, Path(broadcast_object_list(chosen)[0])


def train_split(
    config: Config,
    folder: Path,
    store: Store,
    splits: Splits,
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
    run = RunLayout(folder)
    check_training(config, store, splits)
    if config.first is not None:
        if accelerator.is_main_process:
            record_plan(run, config, store, splits)
        store = described_first(config, run, store, splits, accelerator, console, train=train_split)
    if accelerator.is_main_process:
        # A model that cannot be built leaves no folder behind.
        planned = None if is_model_folder(run.best) else plan(config, store, splits)
        record_plan(run, config, store, splits)
        record_store(run, store, accelerator)
        if planned is not None:
            planned.write(run, config, store)
        audited = verdict_for(store, splits)
        write_json(run.audit, audited)
        console.print(f"audit: {audited['verdict']}", markup=False, highlight=False)
    with _tracked(accelerator, folder):
        training = set_up(config, run, store, splits, accelerator, resume=resume, objective=objective)
        console.print(_opening(training.saved, store, splits, run, accelerator), highlight=False)
        for line in orders_of(training.saved, store).sentences():
            console.print(line, markup=False, highlight=False)
        fit(training, console)
    return score_best(run, store, splits, accelerator, console, tell=tell)


def score_best(
    run: RunLayout, store: Store, splits: Splits, accelerator: Accelerator, console: Console, *, tell: bool = True
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


def _opening(saved: SavedModel, store: Store, splits: Splits, run: RunLayout, accelerator: Accelerator) -> str:
    parameters = sum(p.numel() for p in saved.model.parameters() if p.requires_grad) / 1e6
    counts = ", ".join(f"{name} {count}" for name, count in splits.counts().items())
    lines = [
        f"{'+'.join(saved.config.model.inputs)}: {parameters:.2f} M parameters to train, "
        f"{accelerator.num_processes} x {accelerator.device.type}",
        f"studies: {counts}; run folder {run.folder}",
    ]
    for name in [n for n, known in saved.facts.inputs.items() if known.kind == "text"]:
        told = (store.read(row).text(name) or "" for row in splits.rows("train"))
        strange = absent_sections(told, saved.config.data.reports)
        lines += [f"data.reports: no training report has a section '{section}'" for section in strange]
    lines += [line] if (line := shown_nothing(saved.config, store, splits)) else []
    lines += said_of_writing(saved, store, splits)
    columns = store.columns_of(saved.facts.findings)
    for split in ("train", "test"):
        labels = store.labels[splits.rows(split)][:, columns]
        single = [
            f
            for f, column in zip(saved.facts.findings, labels.T, strict=True)
            if len(set(column[column == column])) < 2
        ]
        if single:
            lines.append(f"{split}: one class only for {', '.join(single)}")
    return "\n".join(lines)
