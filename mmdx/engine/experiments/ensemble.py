"""`mmdx ensemble`: several finished runs of one config and other seeds as one model, scored like any run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

from accelerate import Accelerator
from rich.console import Console

from mmdx.data.splits.folds import read_folds
from mmdx.data.splits.shared import shared_splits
from mmdx.data.splits.splits import Splits
from mmdx.data.store.lock import LOCK
from mmdx.data.store.store import Store
from mmdx.engine.assembly.saved import check_alike, load_description, load_model, write_ensemble
from mmdx.engine.assembly.store import same_studies, store_of, stores_of_members
from mmdx.engine.experiments.cross_validation import FoldResults, gather_folds
from mmdx.engine.experiments.run import Conclusion
from mmdx.engine.experiments.single import score_best
from mmdx.engine.processes import make_accelerator
from mmdx.engine.reporting.audit import audit_for
from mmdx.engine.reporting.conclude import Results
from mmdx.engine.runs.claim import claim, claimed, clear, holder, stopped_early
from mmdx.engine.runs.folder import is_concluded, model_folder
from mmdx.engine.runs.record import record_plan, record_store, splits_of, write_members, write_origin
from mmdx.engine.runs.setting import Setting
from mmdx.engine.scoring.pool import average_scores
from mmdx.errors import UsageError
from mmdx.files import RunLayout, copy_file, write_json
from mmdx.stats.cohort.unfinished import unfinished


def ensemble_runs(out: Path, runs: Sequence[Path], *, console: Console) -> Conclusion:
    """The ensemble of finished runs in the run folder `out`: its model in `checkpoints/best`, and its scores.

    A study is scored as test where it was test for every run, and as validation where none trained on it. Of
    cross-validations of the same folds, each fold is an ensemble of its own, and every study is scored by models that
    have not seen it. One that was stopped in `out` begins anew. Raises `UsageError` where runs do not answer alike or
    are of other studies, where no study was test for all, and where `out` holds anything else or another process is at
    work in it.
    """
    members = [RunLayout(run) for run in runs]
    crossed = _check(out, members)
    accelerator = make_accelerator()
    quiet = console if accelerator.is_main_process else Console(quiet=True)
    join = _join_folds if crossed else _join
    with _claimed(out) if accelerator.is_main_process else nullcontext():
        accelerator.wait_for_everyone()
        results = join(RunLayout(out), members, accelerator, quiet)
    accelerator.end_training()
    return Conclusion(RunLayout(out), results)


@contextmanager
def _claimed(out: Path) -> Iterator[None]:
    """Inside the block the folder is this ensemble's alone, without what a stopped one has left."""
    lock = claim(out)
    if lock is None:
        raise UsageError(f"{out}: is being made by {holder(out)}; wait for it to end, or choose another folder")
    with claimed(out, lock):
        if not _is_free(out):  # another ensemble has come to its end since it was looked at
            raise _taken(out)
        clear(out)
        yield


def _is_free(out: Path) -> bool:
    """Whether a folder holds nothing, or what a stopped ensemble or a training stopped at its start has left."""
    if not out.exists() or stopped_early(out) or (out.is_dir() and not any(out.iterdir())):
        return True
    run = RunLayout(out)
    return (out / LOCK).is_file() and run.members.is_file() and not is_concluded(run)


def _taken(out: Path) -> UsageError:
    return UsageError(f"{out}: holds something already; choose another folder for the ensemble")


def _check(out: Path, members: Sequence[RunLayout]) -> bool:
    """Raises `UsageError` for runs that are no ensemble; whether they are cross-validations."""
    if len({member.folder.resolve() for member in members}) < 2:
        raise UsageError("ensemble: give two runs or more, each once")
    if not _is_free(out):
        raise _taken(out)
    for member in members:
        model_folder(member.folder)  # which says what is wrong with a folder that is no run
        if not is_concluded(member) or not (member.folds.is_file() or member.splits.is_file()):
            standing = unfinished(member.folder)
            how = "train it to its end" if standing is None else standing.sentence
            raise UsageError(f"{member.folder}: is no finished run of one split or of folds; {how}")
    crossed = [member.folds.is_file() for member in members]
    if any(crossed) and not all(crossed):
        raise UsageError(
            f"{members[crossed.index(False)].folder}: is no cross-validation, unlike "
            f"{members[crossed.index(True)].folder}; its test studies have taught the other"
        )
    folds = read_folds(members[0].folds) if crossed[0] else None
    for member in members[1:] if folds is not None else ():
        if read_folds(member.folds) != folds:
            raise UsageError(
                f"{member.folder}: deals other folds than {members[0].folder}; train both with one data.folds.seed"
            )
    check_alike([model_folder(member.folder) for member in members])
    return crossed[0]


def _join(run: RunLayout, members: Sequence[RunLayout], accelerator: Accelerator, console: Console) -> Results | None:
    """One model of runs of one split each, scored."""
    config = load_description(model_folder(members[0].folder))[0].model_copy(update={"run": run.folder})
    stores = [store_of(member, load_description(model_folder(member.folder))[0], accelerator) for member in members]
    store, splits = stores[0], _splits(members, stores)
    setting = Setting(config, run, store, splits, accelerator, console)
    if setting.is_main:
        write_members(run, members)  # first: it says what the folder is, should this be stopped
        write_ensemble(run.best, [model_folder(member.folder) for member in members])
        record_plan(run, config, store, splits)
        record_store(run, store, accelerator)
        write_json(run.audit, audit_for(config, store, splits))
    accelerator.wait_for_everyone()
    counts = ", ".join(f"{name} {count}" for name, count in splits.counts().items())
    setting.say(f"{run.folder}: {len(members)} runs as one model; studies: {counts}")
    if any(member.final.is_file() for member in members):
        # Validation studies have taught members that were refitted: what these said of them out of fold stands for it.
        if setting.is_main:
            average_scores(load_model(run.best), [member.predictions for member in members], run.predictions, "val")
            write_json(run.final, {"members": len(members)})
        setting = replace(setting, splits=splits.joined())
        accelerator.wait_for_everyone()
    return score_best(replace(setting, stores=stores_of_members(run, store))).results


def _splits(members: Sequence[RunLayout], stores: Sequence[Store]) -> Splits:
    """The split that holds for all runs. Raises `UsageError` where these are of other studies, or share no test."""
    for member, store in zip(members, stores, strict=True):
        if not same_studies(store, stores[0]):
            raise UsageError(f"{member.folder}: is of other studies than {members[0].folder}; join runs of one store")
    splits = shared_splits([splits_of(member, store) for member, store in zip(members, stores, strict=True)])
    lacking = [name for name in ("val", "test") if name not in splits]
    if lacking:
        raise UsageError(
            f"{members[0].folder} and the others: no study is {lacking[0]} for all of them, so that nothing can be "
            "said of the ensemble; join runs of one split"
        )
    return splits


def _join_folds(
    run: RunLayout, members: Sequence[RunLayout], accelerator: Accelerator, console: Console
) -> FoldResults | None:
    """One model of cross-validations of the same folds: an ensemble per fold, and one of them all."""
    if accelerator.is_main_process:
        write_members(run, members)
    count = len(set(read_folds(members[0].folds).values()))
    for fold in range(count):
        _join(run.fold(fold), [member.fold(fold) for member in members], accelerator, console)
    first = members[0].fold(0)
    config = load_description(model_folder(first.folder))[0].model_copy(update={"run": run.folder})
    store = store_of(first, config, accelerator)
    setting = Setting(config, run, store, splits_of(first, store), accelerator, console)
    if setting.is_main:
        copy_file(members[0].folds, run.folds)
        write_origin(run, config, store, accelerator)
    accelerator.wait_for_everyone()
    return gather_folds(setting, count)
