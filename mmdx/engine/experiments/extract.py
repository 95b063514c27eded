"""`mmdx extract`: the descriptors of a run as a store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from accelerate import Accelerator
from rich.console import Console

from mmdx.data.splits.folds import read_folds
from mmdx.data.store.store import Store
from mmdx.engine.assembly.saved import SavedModel, load_model
from mmdx.engine.assembly.store import store_of
from mmdx.engine.experiments.two_stage import out_of_fold
from mmdx.engine.processes import make_accelerator
from mmdx.engine.runs.folder import model_folder
from mmdx.engine.runs.record import splits_of
from mmdx.engine.runs.setting import Setting
from mmdx.engine.scoring.descriptors import Describer, Extraction, chosen_modalities, extract
from mmdx.errors import DataError, UsageError
from mmdx.files import RunLayout
from mmdx.kinds import KINDS


def extract_run(
    run: RunLayout, out: Path, *, modalities: Sequence[str] = (), folds: int | None = None, console: Console
) -> Store:
    """The store of descriptors of a run in `out`, of all image modalities where none is named.

    Each study of a cross-validation is described by the fold model that did not see it. Raises `UsageError` where the
    run has no such models and its encoders were trained, unless `folds` asks for that many fold models.
    """
    crossed = run.folds.is_file()
    if crossed and folds is not None:
        raise UsageError(
            f"--folds: {run.folder} is a cross-validation, which has its own fold models; leave the option out"
        )
    if folds is not None and folds < 2:
        raise UsageError(f"--folds {folds}: a study is described by a model that did not see it; give 2 or more")
    accelerator = make_accelerator()
    main_console = console if accelerator.is_main_process else Console(quiet=True)
    setting, saved = _setting_of(run.fold(0) if crossed else run, accelerator, main_console)
    names = chosen_modalities(saved, modalities)
    if crossed:
        setting = replace(setting, splits=setting.store.splits)
        extraction = _of_folds(run, setting, names)
    else:
        extraction = out_of_fold(setting, saved, names, folds=folds)
    store = setting.store
    described = {part for name in extraction.modalities for part in store.layout.parts(name)}
    pictured = [name for name, facts in store.stored.items() if KINDS[facts.kind].pictured]
    left_out = [name for name in pictured if name not in described]
    if left_out:
        setting.say(f"left out, for the run does not describe it: {', '.join(left_out)}")
    descriptors = extract(extraction, setting, out)
    widths = ", ".join(f"{name} {facts.width}" for name, facts in extraction.facts().items())
    setting.say(f"{out}: {len(descriptors)} studies, values per descriptor: {widths}")
    accelerator.end_training()
    return descriptors


def _setting_of(run: RunLayout, accelerator: Accelerator, console: Console) -> tuple[Setting, SavedModel]:
    """The setting in which a finished run was trained, and its model on the device."""
    saved = load_model(model_folder(run.folder))
    saved.model.to(accelerator.device)
    store = store_of(run, saved.config, accelerator)
    return Setting(saved.config, run, store, splits_of(run, store), accelerator, console), saved


def _of_folds(run: RunLayout, setting: Setting, modalities: Sequence[str]) -> Extraction:
    """Each study of a cross-validation with the fold model that did not see it."""
    fold_of = {study: f"fold-{fold}" for study, fold in read_folds(run.folds).items()}
    describers: dict[str, Describer] = {}
    for fold in sorted(set(read_folds(run.folds).values()), key=str):
        inside, saved = _setting_of(run.fold(fold), setting.accelerator, setting.console)
        learned_from = frozenset(inside.store.patient_ids) - inside.splits.patients("test")
        describers[f"fold-{fold}"] = Describer(saved, inside.run.best, learned_from)
    store = setting.store
    missing = [study for study in store.study_ids if study not in fold_of]
    if missing:
        raise DataError(f"{run.folds}: has no fold for study '{missing[0]}' of {store.folder}; finish the run first")
    of_rows = [fold_of[study] for study in store.study_ids]
    return Extraction(run.folder, describers, of_rows, modalities, folds=len(describers))
