"""`mmdx ablate`: a plan is made and checked, its trainings are run or found done, and all of them are compared.

What it leaves in its folder beside the runs: `compare.*`, and `ablation.json` with

- `version` of mmdx, `config` (the name of the config), `reference` (a variant), `seeds` and `sizes`;
- `variants`: by name `inputs`, `fusion`, `guidance` (whether it is all stages of it), `notes` (what was left out or
  changed beyond inputs and fusion, sentences);
- `refused`: by name of the variant the sentence that says why it cannot be trained;
- `runs`: `variant`, `seed`, `size` (training patients; null: all), `folder`, `predictions` (the run folders whose
  predictions are compared: two for guidance, else the folder itself) and `state`: `done`, `failed`, `elsewhere`
  (another command trains it), `running` or `waiting`. Folders are relative to that of the ablation; the runs of the
  reference come first within a seed, and those of smaller sizes last of all.
"""

from __future__ import annotations

import json
import os
import shlex
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from mmdx import __version__
from mmdx.config import Config
from mmdx.config_file import read_config
from mmdx.data.store.lock import hold, hold_waiting
from mmdx.data.store.store import Store
from mmdx.engine.assembly.checks import check_training
from mmdx.engine.assembly.store import deal, open_store
from mmdx.engine.experiments.ablation.plan import Job, Plan, plan
from mmdx.engine.experiments.ablation.processes import FAILED, Board, Launch, Standing, State, lock_text, run_jobs
from mmdx.engine.experiments.ablation.view import View
from mmdx.engine.experiments.cross_validation import deal_folds
from mmdx.engine.experiments.guidance.studies import check_models, guided_studies
from mmdx.engine.reporting.comparison import leave
from mmdx.engine.runs.folder import changed_keys
from mmdx.errors import DataError, MmdxError, UsageError
from mmdx.files import RunLayout
from mmdx.stats.cohort.ablation_folder import RECORD
from mmdx.stats.evidence import gather
from mmdx.stats.report.tables import Sheet
from mmdx.stats.report.terminal import sheet_table

ORIGIN = ("data.store", "data.reader", "data.source", "data.pseudonym_key")


@dataclass(frozen=True)
class Extent:
    """How far an ablation goes: its seeds, other fusions (None: the usual ones), numbers of training patients."""

    seeds: int = 1
    fusions: Sequence[str] | None = None
    sizes: Sequence[int] = ()

    @classmethod
    def parsed(cls, seeds: int, fusions: Sequence[str] | None, sizes: str) -> Extent:
        """As a command line has it: sizes with commas between them. Raises `UsageError` for what is no number."""
        numbers = [text.strip() for text in sizes.split(",") if text.strip()]
        if not all(text.isdecimal() for text in numbers):
            raise UsageError(f"--sizes {sizes}: give numbers of training patients, such as 50,100,200")
        return cls(seeds, fusions, [int(text) for text in numbers])


def run_ablation(
    config: Config, name: str, console: Console, *, extent: Extent, out: Path, slots: int | None, launcher: str
) -> bool:
    """Trains what is left of the ablation of `config` (resolved) in `out`, and compares where nothing is left.

    Returns whether no training failed. Raises `UsageError` or `DataError`, with all problems at once and before any
    training, where a variant cannot be trained or a run folder is of another config.
    """
    # One command prepares the store; others that were started together wait for it.
    with hold_waiting(out / ".prepare.lock"):
        store = open_store(config, console)
    planned = _planned(_on_store(config, store), extent, out)
    check_plan(planned, store)
    refuse_changed(planned.jobs)
    launch = Launch.of_machine(launcher, slots)
    for line in told(planned):
        console.print(line, markup=False, highlight=False)
    write_record(planned, name, out, {})
    with View(planned.jobs, console, slots=launch.slots) as view:
        board = run_jobs(planned.jobs, launch, view)
    write_record(planned, name, out, board)
    return _conclude(planned, board, out, console)


def show_plan(config: Config, console: Console, *, extent: Extent, out: Path, launcher: str) -> None:
    """Prints what an ablation would train, and how; nothing is prepared, written or trained."""
    planned = _planned(config, extent, out)
    refuse_changed(planned.jobs, but=ORIGIN)
    for line in told(planned):
        console.print(line, markup=False, highlight=False)
    launch = Launch.of_machine(launcher, None)
    rows = []
    for job in planned.jobs:
        inputs = "+".join(job.config.model.inputs)
        size = str(job.size) if job.size else "all"
        rows.append((job.variant, inputs, job.config.model.fusion.type, str(job.seed), size, state_of(job)))
    console.print(sheet_table(Sheet("Plan", ("variant", "inputs", "fusion", "seed", "patients", "state"), tuple(rows))))
    console.print("\nCommands; the ablation writes the configs that they name.")
    for job in planned.jobs:
        if not job.finished:
            console.print(f"  {shlex.join(launch.command(job))}", markup=False, highlight=False, soft_wrap=True)


def told(planned: Plan) -> list[str]:
    """What a reader must know of the variants: what they had to leave out, and which there are not."""
    lines = [f"{name}: {note}" for name, made in planned.variants.items() for note in made.notes]
    return lines + [f"{name} is not trained: {reason}" for name, reason in planned.refused.items()]


def check_plan(planned: Plan, store: Store) -> None:
    """Holds every config to what any training is held to. Raises with all problems at once, each by its variant."""
    problems: list[str] = []
    kind: type[MmdxError] = DataError
    seen: set[tuple[str, int | None, int]] = set()
    for job in planned.jobs:
        # Without a size a seed changes nothing in the studies that a training stands on.
        drawn = job.seed if job.config.data.train_patients is not None else 0
        if (job.variant, job.size, drawn) in seen:
            continue
        seen.add((job.variant, job.size, drawn))
        try:
            check_job(job.config, store)
        except MmdxError as error:
            problems += [f"{job.name}: {problem}" for problem in error.problems]
            kind = UsageError if isinstance(error, UsageError) else kind
    if problems:
        raise kind(problems)


def check_job(config: Config, store: Store) -> None:
    """Raises what the training of a config would before its first step."""
    if config.guidance is not None:
        splits = deal(config, store)
        guided_studies(config, config.guidance, store, splits)
        check_models(config, config.guidance, store, splits)
        return
    for splits in [deal(config, store)] if config.data.folds is None else deal_folds(config, store)[1]:
        check_training(config, store, splits)


def refuse_changed(jobs: Sequence[Job], *, but: Sequence[str] = ()) -> None:
    """Raises `UsageError`, a line each, for run folders of another config; keys at or below `but` do not count."""
    problems = []
    for job in jobs:
        if job.begun:
            keys = changed_keys(job.config, read_config(RunLayout(job.folder).config))
            keys = [key for key in keys if not any(key == each or key.startswith(f"{each}.") for each in but)]
            if keys:
                problems.append(
                    f"{job.folder}: was trained with another {', '.join(keys)}; give another --out, or remove it"
                )
    if problems:
        raise UsageError(problems)


def state_of(job: Job) -> State:
    """How a job stands by what lies in its folder; nobody is asked who has it."""
    if job.finished:
        return "done"
    return "failed" if lock_text(job).startswith(FAILED) else "waiting"


def write_record(planned: Plan, name: str, out: Path, board: Mapping[str, Standing]) -> None:
    """`ablation.json`, in one step; `board` says how jobs stand, else their folders do."""
    states = {job.name: board[job.name].state if job.name in board else state_of(job) for job in planned.jobs}
    record: dict[str, Any] = {
        "version": __version__,
        "config": name,
        "reference": planned.reference,
        "seeds": list(dict.fromkeys(job.seed for job in planned.jobs)),
        "sizes": list(dict.fromkeys(job.size for job in planned.jobs if job.size)),
        "variants": {
            variant: {
                "inputs": list(made.config.model.inputs),
                "fusion": made.config.model.fusion.type,
                "guidance": made.config.guidance is not None,
                "notes": list(made.notes),
            }
            for variant, made in planned.variants.items()
        },
        "refused": planned.refused,
        "runs": [
            {
                "variant": job.variant,
                "seed": job.seed,
                "size": job.size,
                "folder": job.folder.relative_to(out).as_posix(),
                "predictions": [run.relative_to(out).as_posix() for run in job.runs],
                "state": states[job.name],
            }
            for job in planned.jobs
        ],
    }
    partial = out / f".{RECORD}.{socket.gethostname()}.{os.getpid()}.partial"
    partial.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    partial.replace(out / RECORD)


def compare_ablation(out: Path, console: Console) -> None:
    """Compares the finished runs, the seeds of a variant as one, the reference first."""
    leave(gather([out]), out, console)


def _conclude(planned: Plan, board: Board, out: Path, console: Console) -> bool:
    """The comparison, where no other command has a training; returns whether none failed."""
    elsewhere = {name: each for name, each in board.items() if each.state == "elsewhere"}
    failed = [name for name, each in board.items() if each.state == "failed"]
    for name in failed:
        console.print(f"{name}: failed; {out / name}.log says why", markup=False, highlight=False, soft_wrap=True)
    for name, standing in elsewhere.items():
        console.print(f"{name}: still trained {standing.where}", markup=False, highlight=False, soft_wrap=True)
    if elsewhere:
        console.print("whoever ends the last one compares; or run this again then", highlight=False)
        return not failed
    if not planned.jobs[0].finished:
        console.print(f"nothing to compare with: {planned.jobs[0].name} was not trained", highlight=False)
        return False
    lock = hold(out / ".compare.lock")
    if lock is None:
        console.print(f"another command compares: {out / 'compare.html'}", markup=False, highlight=False)
        return not failed
    with lock:
        compare_ablation(out, console)
    return not failed


def _planned(config: Config, extent: Extent, out: Path) -> Plan:
    return plan(config, seeds=extent.seeds, fusions=extent.fusions, sizes=extent.sizes, out=out)


def _on_store(config: Config, store: Store) -> Config:
    """`config` on a store that is prepared: trainings side by side need not look at the raw files."""
    origin = {"store": store.folder, "reader": None, "source": None, "pseudonym_key": None}
    return config.model_copy(update={"data": config.data.model_copy(update=origin)})
