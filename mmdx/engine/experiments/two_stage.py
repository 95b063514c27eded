"""Two stages: a first model describes images, for training studies out of fold, and a second reads what it said.

A model is at home in what it was trained on: its descriptors and its logits of these images are better than those of
any new one. A second stage trained on them trusts them too much. So each training study is described by a fold model
that has seen none of its patient; validation, test and new studies by the first model itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from accelerate import Accelerator
from rich.console import Console

from mmdx.config import Config
from mmdx.config_file import read_config
from mmdx.data.splits.folds import make_folds
from mmdx.data.splits.splits import Splits, read_splits
from mmdx.data.store.store import Store
from mmdx.engine.assembly.saved import SavedModel, load_model
from mmdx.engine.runs.folder import is_concluded, same_config
from mmdx.engine.scoring.descriptors import (
    OWN,
    Describer,
    Extraction,
    chosen_modalities,
    extract,
    is_frozen,
    slice_head,
)
from mmdx.errors import DataError, UsageError
from mmdx.files import RunLayout
from mmdx.study import Split


@runtime_checkable
class TrainSplit(Protocol):
    """`mmdx.engine.experiments.single.train_split`, which itself calls the first stage."""

    def __call__(
        self,
        config: Config,
        folder: Path,
        store: Store,
        splits: Splits,
        accelerator: Accelerator,
        console: Console,
        *,
        resume: bool,
    ) -> SavedModel: ...


def described_first(
    config: Config,
    run: RunLayout,
    store: Store,
    splits: Splits,
    accelerator: Accelerator,
    console: Console,
    *,
    train: TrainSplit,
) -> Store:
    """The store that the model of `config` is trained on: `store` itself, or where there is a first stage what that
    leaves of it. Every step that is done already is taken as it lies in the run folder."""
    if config.first is None:
        return store
    first = config.model_copy(
        update={"first": None, "run": None, "model": config.first.model, "train": config.first.train}
    )
    console.print(f"first stage: {run.first}", markup=False, highlight=False)
    saved = trained(first, run.first, store, splits, accelerator, console, train=train)
    names = [name for name in chosen_modalities(saved, []) if name in config.model.inputs]
    made = out_of_fold(saved, run.first, store, splits, names, config.first.folds, accelerator, console, train=train)
    described = extract(made, store, splits, run.descriptors, accelerator, console)
    console.print(f"second stage, on {run.descriptors}", markup=False, highlight=False)
    return described


def trained(
    config: Config,
    folder: Path,
    store: Store,
    splits: Splits,
    accelerator: Accelerator,
    console: Console,
    *,
    train: TrainSplit,
) -> SavedModel:
    """The best model of a run folder, which is trained, gone on with, or taken as it is where it was finished.

    Raises `UsageError` or `DataError` where the folder is of another config or split.
    """
    run = RunLayout(folder)
    begun, done = run.config.is_file(), is_concluded(run)
    if begun:
        same_config(config, read_config(run.config), folder)
        if read_splits(run.splits) != dict(zip(store.study_ids, splits, strict=True)):
            raise DataError(f"{run.splits}: is another split than this; remove {folder}, or extract with other folds")
    accelerator.wait_for_everyone()
    if not done:
        return train(config, folder, store, splits, accelerator, console, resume=begun)
    saved = load_model(run.best)
    saved.model.to(accelerator.device)
    return saved


def out_of_fold(
    saved: SavedModel,
    folder: Path,
    store: Store,
    splits: Splits,
    modalities: Sequence[str],
    folds: int | None,
    accelerator: Accelerator,
    console: Console,
    *,
    train: TrainSplit,
) -> Extraction:
    """Which model describes each study: that of the run in `folder`, or for training studies one of `folds` others.

    Fold models start from the same weights as the run's own, validate on the same studies and differ in what they are
    trained on. They are kept under `folder/extract`. Without folds every encoder must be frozen, and logits are left
    out: the head that gives them has learned from the training studies.
    """
    frozen = all(is_frozen(saved.model, name) for name in modalities)
    answering = [name for name in modalities if slice_head(saved.model, name)]
    if frozen and not answering:
        folds = None  # fold models would all say the same
    own = Describer(saved, RunLayout(folder).best, splits.patients("train"))
    if folds is None:
        if not frozen:
            raise UsageError(
                f"{folder}: its encoders were trained, and what they say of their own training studies would make a "
                "second stage overconfident; add --folds 5, which trains 5 models on other studies each"
            )
        if answering:
            console.print("descriptors without logits: the slice head was trained; --folds 5 adds them")
        return Extraction(folder, {OWN: own}, [OWN] * len(store), modalities, logits=False, frozen=True, folds=None)
    rows = splits.rows("train")
    columns = store.columns_of(saved.facts.findings)
    patients, labels = [store.patient_ids[row] for row in rows], store.labels[rows][:, columns]
    fold_of = dict(zip(rows, make_folds(patients, labels, count=folds, seed=saved.config.seed), strict=True))
    describers, config = {OWN: own}, saved.config.model_copy(update={"run": None})
    for fold in range(folds):
        words: list[Split] = ["test" if fold_of.get(row) == fold else split for row, split in enumerate(splits)]
        inside = Splits(tuple(words), splits.patient_ids)
        place = folder / "extract" / f"fold-{fold}"
        console.print(f"fold {fold + 1} of {folds}: {place}", markup=False, highlight=False)
        model = trained(config, place, store, inside, accelerator, console, train=train)
        seen = inside.patients("train") | inside.patients("val")
        describers[f"fold-{fold}"] = Describer(model, RunLayout(place).best, seen)
    of_rows = [f"fold-{fold_of[row]}" if row in fold_of else OWN for row in range(len(store))]
    return Extraction(folder, describers, of_rows, modalities, logits=True, frozen=frozen, folds=folds)
