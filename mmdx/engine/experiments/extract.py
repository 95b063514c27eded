"""`mmdx extract`: the descriptors of a run as a store."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from accelerate import Accelerator
from rich.console import Console

from mmdx.data.splits.folds import read_folds
from mmdx.data.splits.splits import read_splits
from mmdx.data.store.store import Store
from mmdx.engine.assembly.saved import load_model
from mmdx.engine.assembly.store import store_of
from mmdx.engine.experiments.single import train_split
from mmdx.engine.experiments.two_stage import out_of_fold
from mmdx.engine.processes import make_accelerator
from mmdx.engine.runs.folder import model_folder
from mmdx.engine.runs.record import splits_of
from mmdx.engine.scoring.descriptors import Describer, Extraction, chosen_modalities, extract, is_frozen
from mmdx.errors import DataError, UsageError
from mmdx.files import RunLayout


def extract_run(run: Path, out: Path, modalities: Sequence[str], folds: int | None, console: Console) -> Store:
    """The store of descriptors of a run in `out`.

    Each study of a cross-validation is described by the fold model that did not see it. Raises `UsageError` where the
    run has no such models and its encoders were trained, unless `folds` asks for fold models.
    """
    crossed = RunLayout(run).folds.is_file()
    if crossed and folds is not None:
        raise UsageError(f"--folds: {run} is a cross-validation, which has its own fold models; leave the option out")
    if folds is not None and folds < 2:
        raise UsageError(f"--folds {folds}: a study is described by a model that did not see it; give 2 or more")
    accelerator = make_accelerator()
    loud = Console(stderr=console.stderr, quiet=not accelerator.is_main_process)
    if crossed:
        made, store = _of_folds(run, modalities, accelerator)
        splits = store.splits
    else:
        saved = load_model(model_folder(run))
        saved.model.to(accelerator.device)
        store = store_of(RunLayout(run), saved.config, accelerator)
        splits = splits_of(RunLayout(run), store)
        names = chosen_modalities(saved, modalities)
        made = out_of_fold(saved, run, store, splits, names, folds, accelerator, loud, train=train_split)
    left = [n for n, f in store.modalities.items() if f.kind == "images" and n not in made.modalities]
    if left:
        loud.print(f"left out, for the run does not describe it: {', '.join(left)}", markup=False, highlight=False)
    described = extract(made, store, splits, out, accelerator, loud)
    widths = ", ".join(f"{name} {facts.width}" for name, facts in made.facts().items())
    loud.print(f"{out}: {len(described)} studies, values a descriptor: {widths}", markup=False, highlight=False)
    accelerator.end_training()
    return described


def _of_folds(run: Path, modalities: Sequence[str], accelerator: Accelerator) -> tuple[Extraction, Store]:
    """Each study of a cross-validation with the fold model that did not see it."""
    fold_of = {study: f"fold-{fold}" for study, fold in read_folds(RunLayout(run).folds).items()}
    describers: dict[str, Describer] = {}
    for name in sorted(set(fold_of.values())):
        saved = load_model(model_folder(run / name))
        saved.model.to(accelerator.device)
        inside = read_splits(RunLayout(run / name).splits)
        store = store_of(RunLayout(run / name), saved.config, accelerator)
        owner = dict(zip(store.study_ids, store.patient_ids, strict=True))
        seen = frozenset(owner[study] for study, split in inside.items() if split != "test" and study in owner)
        describers[name] = Describer(saved, RunLayout(run / name).best, seen)
    first = next(iter(describers.values())).saved
    store = store_of(RunLayout(run / next(iter(describers))), first.config, accelerator)
    missing = [study for study in store.study_ids if study not in fold_of]
    if missing:
        raise DataError(
            f"{RunLayout(run).folds}: has no fold for study '{missing[0]}' of {store.folder}; finish the run first"
        )
    names = chosen_modalities(first, modalities)
    frozen = all(is_frozen(first.model, name) for name in names)
    of_rows = [fold_of[study] for study in store.study_ids]
    made = Extraction(run, describers, of_rows, names, logits=True, frozen=frozen, folds=len(describers))
    return made, store
