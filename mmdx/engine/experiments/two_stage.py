"""Two stages: a first model describes images, for training studies out of fold, and a second reads its descriptors.

A model is at home in what it was trained on: its descriptors and its logits of these images are better than those of
any new one. A second stage trained on them trusts them too much. So each training study is described by a fold model
that has seen none of its patient; validation, test and new studies by the first model itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mmdx.config_file import read_config
from mmdx.data.splits.folds import make_folds
from mmdx.data.splits.splits import Splits, read_splits
from mmdx.data.store.store import Store
from mmdx.engine.assembly.checks import Presence, check_training
from mmdx.engine.assembly.finals import part_of_more, with_final
from mmdx.engine.assembly.narrow import described_inputs, only_describes
from mmdx.engine.assembly.saved import SavedModel, load_model
from mmdx.engine.experiments.single import Outcome, train_one
from mmdx.engine.experiments.untrained import describing_config, untrained_model
from mmdx.engine.runs.folder import is_concluded, same_config
from mmdx.engine.runs.record import record_plan
from mmdx.engine.runs.setting import Setting
from mmdx.engine.scoring.descriptors import (
    OWN,
    Describer,
    Extraction,
    chosen_modalities,
    extract,
    is_frozen,
    slice_head,
)
from mmdx.engine.training.objective import Objective, objective
from mmdx.errors import DataError, UsageError
from mmdx.files import RunLayout
from mmdx.schema import Component
from mmdx.study import Split


def train_split(setting: Setting, *, resume: bool, objective: Objective = objective) -> Outcome:
    """Trains one split of a store, in two stages where the config has a first one.

    The store that the first stage leaves then takes the place of `setting.store`. Raises `UsageError` or `DataError`
    where `check_training` refuses it.
    """
    present = check_training(setting.config, setting.store, setting.splits)
    if setting.config.first is not None:
        if setting.is_main:
            record_plan(setting.run, setting.config, setting.store, setting.splits)
        setting = replace(setting, store=first_stage(setting))
        present = Presence(setting.config, setting.store)
    return train_one(setting, present, resume=resume, objective=objective)


def first_stage(setting: Setting) -> Store:
    """The store of descriptors that the first stage of a config leaves.

    Every step that is done already is taken as it lies in the run folder.
    """
    run, config = setting.run, setting.config
    if config.first is None:
        raise ValueError("a config without a section first has one stage")
    if only_describes(config):
        names = described_inputs(config)
        described = describing_config(config, config.first.model, names)
        first = replace(setting, config=described, run=RunLayout(run.first))
        setting.say(f"first stage: frozen encoders of {', '.join(names)}, of which nothing is trained")
        extraction = of_untrained(first, untrained_model(first), names)
    else:
        changes = {"first": None, "run": None, "model": config.first.model, "train": config.first.train}
        first = replace(setting, config=part_of_more(config.model_copy(update=changes)), run=RunLayout(run.first))
        setting.say(f"first stage: {run.first}")
        saved = finished_model(first)
        names = [name for name in chosen_modalities(saved, []) if name in config.model.inputs]
        extraction = out_of_fold(first, saved, names, folds=config.first.folds)
    store = extract(extraction, setting, run.descriptors)
    setting.say(f"second stage, on {run.descriptors}")
    return store


def of_untrained(setting: Setting, saved: SavedModel, modalities: Sequence[str]) -> Extraction:
    """What a model of frozen encoders describes: every study, for it has learned from none."""
    describers = {OWN: Describer(saved, setting.run.best, frozenset())}
    return Extraction(setting.run.folder, describers, [OWN] * len(setting.store), modalities, folds=None)


def finished_model(setting: Setting) -> SavedModel:
    """The best model of a run folder, which is trained, gone on with, or taken as it is where it was finished.

    Raises `UsageError` or `DataError` where the folder is of another config or split.
    """
    run, store = setting.run, setting.store
    begun, finished = run.config.is_file(), is_concluded(run)
    if begun:
        same_config(setting.config, read_config(run.config), run.folder)
        if read_splits(run.splits) != dict(zip(store.study_ids, setting.splits, strict=True)):
            raise DataError(
                f"{run.splits}: is another split than this; remove {run.folder}, or extract with other folds"
            )
    setting.accelerator.wait_for_everyone()  # all must have looked before anybody writes
    if not finished:
        outcome = train_split(setting, resume=begun)
        setting.say(*([outcome.results.headline()] if outcome.results else []))
        return outcome.saved
    saved = load_model(run.best)
    saved.model.to(setting.accelerator.device)
    return saved


def out_of_fold(setting: Setting, saved: SavedModel, modalities: Sequence[str], *, folds: int | None) -> Extraction:
    """Which model describes each study: `saved`, that of the run, or for training studies one of `folds` others.

    Fold models start from the same weights as the run's own, validate on the same studies and differ in what they are
    trained on. They are kept under `extract` in the run folder. Without folds every encoder must be frozen, and logits
    are left out: the head that gives them has learned from the training studies.
    """
    folder, store = setting.run.folder, setting.store
    if setting.run.final.is_file():  # the model has learned from validation studies too
        setting = replace(setting, splits=setting.splits.joined())
    frozen = all(is_frozen(saved.model, name) for name in modalities)
    answering = [name for name in modalities if slice_head(saved.model, name)]
    if frozen and not answering:
        folds = None  # fold models would all say the same
    describers = {OWN: Describer(saved, setting.run.best, setting.splits.patients("train"))}
    if folds is None:
        if not frozen:
            raise UsageError(
                f"{folder}: its encoders were trained, and what they say of their own training studies would make a "
                "second stage overconfident; add --folds 5, which trains 5 models on other studies each"
            )
        if answering:
            setting.say("descriptors without logits: the slice head was trained; --folds 5 adds them")
        return Extraction(folder, describers, [OWN] * len(store), modalities, folds=None)
    fold_of = _fold_of_rows(setting, saved, folds)
    for fold in range(folds):
        describers[f"fold-{fold}"] = _fold_describer(setting, saved, fold_of, fold, count=folds)
    of_rows = [f"fold-{fold_of[row]}" if row in fold_of else OWN for row in range(len(store))]
    return Extraction(folder, describers, of_rows, modalities, folds=folds)


def _fold_of_rows(setting: Setting, saved: SavedModel, folds: int) -> dict[int, int]:
    """The fold of each row that is trained on, dealt by patient."""
    store, rows = setting.store, setting.splits.rows("train")
    labels = store.labels[rows][:, store.columns_of(saved.facts.findings)]
    patients = [store.patient_ids[row] for row in rows]
    return dict(zip(rows, make_folds(patients, labels, count=folds, seed=saved.config.seed), strict=True))


def _fold_describer(
    setting: Setting, saved: SavedModel, fold_of: dict[int, int], fold: int, *, count: int
) -> Describer:
    """The model that has not seen the studies of one of `count` folds, trained where it is not there yet."""
    words: list[Split] = ["test" if fold_of.get(row) == fold else split for row, split in enumerate(setting.splits)]
    splits = Splits(tuple(words), setting.splits.patient_ids)
    run = RunLayout(setting.run.folder / "extract").fold(fold)
    config = part_of_more(saved.config.model_copy(update={"run": None}))
    if setting.run.final.is_file() and config.train.final.type == "best":
        config = with_final(config, Component(type="last"))  # no studies are left to choose an epoch by
    inside = replace(setting, config=config, run=run, splits=splits)
    setting.say(f"fold {fold + 1} of {count}: {run.folder}")
    return Describer(finished_model(inside), run.best, splits.patients("train") | splits.patients("val"))
