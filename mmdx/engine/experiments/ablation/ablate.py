"""`mmdx ablate`: a plan is made and checked, its trainings are run or found done, and all of them are compared.

What it leaves in its folder beside the runs: `compare.*`, and `ablation.json` with

- `version` of mmdx, `config` (the name of the config), `reference` (a variant), `seeds` and `sizes`;
- `tuning`: null where all variants have the settings of the config; else `tries` (how many each has), their `settings`
  (`lr_factor`, `weight_decay`, `dropout`; null: the config's own), and `variants`: by name `by` (`auroc` or
  `log_loss`), the `scores` of validation, and which try is `chosen`, counted from 1;
- `variants`: by name `inputs`, `fusion`, `guidance` (whether it is all stages of it), `notes` (what was left out or
  changed beyond inputs and fusion, sentences);
- `refused`: by name of the variant the sentence that says why it cannot be trained;
- `runs`: `variant`, `seed`, `size` (training patients; null: all), `folder`, `predictions` (the run folders whose
  predictions are compared: two for guidance, else the folder itself) and `state`: `done`, `failed`, `elsewhere`
  (another command trains it), `running` or `waiting`. Folders are relative to that of the ablation; the runs of the
  reference come first within a seed, and those of smaller sizes last of all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console

from mmdx import __version__
from mmdx.config_file import read_config
from mmdx.data.store.lock import hold, hold_waiting
from mmdx.data.store.store import Store
from mmdx.engine.assembly.checks import check_training
from mmdx.engine.assembly.store import deal, open_store
from mmdx.engine.experiments.ablation.plan import Extent, Job, Plan, plan_jobs
from mmdx.engine.experiments.ablation.processes import (
    FAILED,
    Board,
    Launch,
    Standing,
    State,
    Watcher,
    lock_text,
    run_jobs,
)
from mmdx.engine.experiments.ablation.tuning import check_judged, settled, tried, tuning_record, with_tries
from mmdx.engine.experiments.cross_validation import deal_folds, every_deal
from mmdx.engine.experiments.guidance.studies import check_models, guided_studies
from mmdx.engine.reporting.comparison import save_comparison
from mmdx.engine.runs.folder import changed_keys
from mmdx.errors import DataError, MmdxError, UsageError
from mmdx.files import RunLayout, write_json
from mmdx.schema import Config
from mmdx.stats.cohort.ablation_folder import RECORD
from mmdx.stats.evidence import Evidence, gather

ORIGIN = ("data.store", "data.reader", "data.source", "data.pseudonym_key")


@dataclass(frozen=True)
class Ablation:
    """How an ablation stands after a command has worked on it, and the comparison where nothing is left to train.

    `evidence` is None where a training is still in other hands, where the reference was not trained, and where
    another command compares (`compared_elsewhere`).
    """

    plan: Plan
    out: Path
    board: Board
    evidence: Evidence | None
    compared_elsewhere: bool = False

    @property
    def failed(self) -> list[str]:
        """The names of the jobs that failed."""
        return [name for name, standing in self.board.items() if standing.state == "failed"]

    @property
    def elsewhere(self) -> dict[str, str]:
        """The names of the jobs that another command trains, and where."""
        return {name: standing.where for name, standing in self.board.items() if standing.state == "elsewhere"}

    @property
    def complete(self) -> bool:
        """Whether no training failed, and there is a reference that others can be compared with."""
        return not self.failed and (bool(self.elsewhere) or self.has_reference)

    @property
    def has_reference(self) -> bool:
        """Whether there is a training that others can be compared with."""
        return self.plan.reference not in self.plan.untried and self.plan.jobs[0].finished


Watch = Callable[[Plan, Launch, Sequence[Job]], AbstractContextManager[Watcher]]
"""Opens what looks on while jobs of a plan are trained."""


def ablate(
    config: Config, *, name: str, extent: Extent, out: Path, launch: Launch, console: Console, watch: Watch
) -> Ablation:
    """Trains what is left of the ablation of `config` (resolved) in `out`, and compares where nothing is left.

    `name` is that of the config; `console` shows how the store is prepared. Raises `UsageError` or `DataError`, with
    all problems at once and before any training, where a variant cannot be trained or a run folder is of another
    config.
    """
    # One command prepares the store; others that were started together wait for it.
    with hold_waiting(out / ".prepare.lock"):
        store = open_store(config, console)
    plan = planned(_on_store(config, store), extent, out)
    check_plan(plan, store)
    check_judged(plan, store)
    refuse_untuned(plan)
    refuse_changed([*plan.tries, *ready(plan)])
    board: Board = {}
    if plan.tries and plan.untried:
        write_record(plan, name, out, board)
        with watch(plan, launch, plan.tries) as watcher:
            board |= run_jobs(plan.tries, launch, watcher)
        plan = settled(plan, tried(plan))
        refuse_changed(ready(plan))
    write_record(plan, name, out, board)
    if jobs := ready(plan):
        with watch(plan, launch, jobs) as watcher:
            board |= run_jobs(jobs, launch, watcher)
        write_record(plan, name, out, board)
    ablation = Ablation(plan, out, board, None)
    if ablation.elsewhere or not ablation.has_reference:
        return ablation
    lock = hold(out / ".compare.lock")
    if lock is None:
        return replace(ablation, compared_elsewhere=True)
    with lock:
        evidence = gather([out])
        save_comparison(evidence, out, overwrite=True)
    return replace(ablation, evidence=evidence)


def planned_ablation(config: Config, *, extent: Extent, out: Path) -> Plan:
    """What an ablation would train; nothing is prepared, written or trained.

    Raises `UsageError` where a run folder is of another config, wherever its store lies.
    """
    plan = planned(config, extent, out)
    refuse_untuned(plan)
    refuse_changed([*plan.tries, *ready(plan)], but=ORIGIN)
    return plan


def planned(config: Config, extent: Extent, out: Path) -> Plan:
    """The plan of an ablation as far as its settings are chosen: by the tries that lie in `out`, where it has any."""
    plan = plan_jobs(config, extent, out)
    if not extent.tries:
        return plan
    plan = with_tries(plan, extent.tries, out)
    return settled(plan, tried(plan))


def ready(plan: Plan) -> list[Job]:
    """The trainings to be compared of which the settings are chosen."""
    return [job for job in plan.jobs if job.variant not in plan.untried]


def check_plan(plan: Plan, store: Store) -> None:
    """Holds every config to what any training is held to. Raises with all problems at once, each by its variant."""
    problems: list[str] = []
    kind: type[MmdxError] = DataError
    checked: set[tuple[str, int | None, int]] = set()
    for job in plan.jobs:
        # Without a size a seed changes nothing in the studies that a training stands on.
        seed = job.seed if job.config.data.train_patients is not None else 0
        if (job.variant, job.size, seed) in checked:
            continue
        checked.add((job.variant, job.size, seed))
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
    if config.data.folds is None:
        check_training(config, store, deal(config, store))
        return
    for each in every_deal(config):
        for splits in deal_folds(each, store)[1]:
            check_training(each, store, splits)


def refuse_untuned(plan: Plan) -> None:
    """Raises `UsageError`, a line each, for runs that are there though the settings of their variant are not chosen."""
    problems = [
        f"{job.folder}: was trained before its settings were tried; give another --out, or remove it"
        for job in plan.jobs
        if job.variant in plan.untried and job.begun
    ]
    if problems:
        raise UsageError(problems)


def refuse_changed(jobs: Sequence[Job], *, but: Sequence[str] = ()) -> None:
    """Raises `UsageError`, a line each, for run folders of another config; keys at or below `but` do not count."""
    problems = []
    for job in jobs:
        if job.begun:
            keys = changed_keys(job.config, read_config(RunLayout(job.folder).config))
            keys = [key for key in keys if not any(key == part or key.startswith(f"{part}.") for part in but)]
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


def write_record(plan: Plan, config_name: str, out: Path, board: Mapping[str, Standing]) -> None:
    """`ablation.json`, in one step; `board` says how jobs stand, else their folders do."""
    states = {job.name: board[job.name].state if job.name in board else _standing(job, plan) for job in plan.jobs}
    record: dict[str, Any] = {
        "version": __version__,
        "config": config_name,
        "reference": plan.reference,
        "seeds": list(dict.fromkeys(job.seed for job in plan.jobs)),
        "sizes": list(dict.fromkeys(job.size for job in plan.jobs if job.size)),
        "tuning": tuning_record(plan, tried(plan)),
        "variants": {
            name: {
                "inputs": list(variant.config.model.inputs),
                "fusion": variant.config.model.fusion.type,
                "guidance": variant.config.guidance is not None,
                "notes": list(variant.notes),
            }
            for name, variant in plan.variants.items()
        },
        "refused": plan.refused,
        "runs": [
            {
                "variant": job.variant,
                "seed": job.seed,
                "size": job.size,
                "folder": job.folder.relative_to(out).as_posix(),
                "predictions": [run.relative_to(out).as_posix() for run in job.runs],
                "state": states[job.name],
            }
            for job in plan.jobs
        ],
    }
    # Commands on several machines share the folder, and each writes the record.
    write_json(out / RECORD, record, shared=True)


def _standing(job: Job, plan: Plan) -> State:
    return "waiting" if job.variant in plan.untried else state_of(job)


def _on_store(config: Config, store: Store) -> Config:
    """`config` on a store that is prepared: trainings side by side need not look at the raw files."""
    origin = {"store": store.folder, "reader": None, "source": None, "pseudonym_key": None}
    return config.model_copy(update={"data": config.data.model_copy(update=origin)})
