"""The store that a config or a run asks for, and how its patients are dealt."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

from accelerate import Accelerator
from rich.console import Console

from mmdx.data.splits.fewer import with_fewer
from mmdx.data.splits.splits import Splits, make_splits, prove_disjoint
from mmdx.data.store.prepare import prepare_store
from mmdx.data.store.recipe import Recipe
from mmdx.data.store.stacks import with_stacks
from mmdx.data.store.store import Store, is_store
from mmdx.engine.assembly.checks import check_studies_for
from mmdx.engine.processes import main_first
from mmdx.engine.runs.record import read_environment, read_members, same_store
from mmdx.errors import DataError, UsageError
from mmdx.files import RunLayout
from mmdx.registry import READERS
from mmdx.schema import Config
from mmdx.strangers.screen import screen


def open_store(config: Config, console: Console, turn: AbstractContextManager[None] | None = None) -> Store:
    """The store that a config names, with its stacks, prepared first where it names a reader and a source and is not
    there yet.

    Several processes each write their share of it, and read the raw files within `turn`.
    """
    return _stacked(config, _prepared(config, console, turn), console)


def _prepared(config: Config, console: Console, turn: AbstractContextManager[None] | None) -> Store:
    """The store as it lies in its folder."""
    data, recipe = config.data, recipe_of(config)
    if recipe is None:
        if data.store is None:
            raise UsageError("data: no studies; give store, or reader and source")
        return Store(data.store)
    look = partial(check_studies_for, config)
    if data.store is not None:
        return prepare_store(recipe, data.store, None, console, turn=turn, look=look)
    return prepare_store(recipe, data.stores, None, console, turn=turn, look=look, under=True)


def recipe_of(config: Config) -> Recipe | None:
    """What makes the store of a config; None where it names a store alone."""
    data = config.data
    if data.reader is None or data.source is None:
        return None
    return Recipe(data.reader, data.source, data.size, data.pseudonym_key)


def makes_source(reader: str) -> bool:
    """Whether a reader writes what it reads, as its module says in its constant `MAKES_SOURCE`."""
    return bool(vars(sys.modules[READERS.get(reader).__module__]).get("MAKES_SOURCE", False))


def store_of(run: RunLayout, config: Config, accelerator: Accelerator) -> Store:
    """The store that a run was trained on, where it lies; else the one that its config names, if that is the same."""
    loud = screen(stderr=True, quiet=not accelerator.is_main_process)
    store = store_at_hand(run, config, loud) or open_store(config, loud, main_first(accelerator))
    same_store(run, store)
    return store


def store_at_hand(run: RunLayout, config: Config, console: Console) -> Store | None:
    """What lies where the store of a run lay, with its stacks; None where there is no store."""
    places = [Path(read_environment(run)["store"]["folder"])]
    places += [run.descriptors] if config.first is not None else []
    folder = next((place for place in places if is_store(place)), None)
    return None if folder is None else _stacked(config, Store(folder), console)


def _stacked(config: Config, store: Store, console: Console) -> Store:
    """`store` with the stacks of a config; what a person should know of them is said."""
    stacked, lines = with_stacks(store, config.data.stacks)
    for line in lines:
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    return stacked


def stores_of_members(run: RunLayout, store: Store) -> tuple[Store, ...]:
    """The store of each member of an ensemble, `store` being that of the first: the same for all, but for members that
    read descriptors each of a first stage of its own. Empty where the run is no ensemble.

    Raises `DataError` where one is no longer there, or holds other studies.
    """
    if not run.members.is_file():
        return ()
    stores = []
    for member in read_members(run):
        described = member["store"]
        place = Path(described["folder"])
        own = store if described["fingerprint"] == store.fingerprint else Store(place)
        if own.fingerprint != described["fingerprint"] or not same_studies(own, store):
            raise DataError(f"{place}: is not the store that {member['run']} was trained on; prepare that one again")
        stores.append(own)
    return tuple(stores)


def same_studies(store: Store, other: Store) -> bool:
    """Whether two stores hold the same studies of the same patients, in one order."""
    return store.study_ids == other.study_ids and store.patient_ids == other.patient_ids


def deal(config: Config, store: Store) -> Splits:
    """The split of a run: the store's own, or dealt anew by `data.split`, with as many training patients as the config
    asks for. Proved disjoint by patient."""
    return for_training(config, store, _dealt(config, store))


def for_training(config: Config, store: Store, splits: Splits) -> Splits:
    """`splits` with the training patients that `data.train_patients` leaves out unused.

    Raises `UsageError` for descriptors of models that learned from all of them.
    """
    count = config.data.train_patients
    if count is None:
        return splits
    if store.describers_learned:
        raise UsageError(
            f"data.train_patients: the descriptors of {store.folder} were made by models that learned from all "
            "training patients; leave it out, or train the run that they are of on fewer"
        )
    return with_fewer(store.patient_ids, store.labels, splits, count=count, seed=config.seed)


def _dealt(config: Config, store: Store) -> Splits:
    if config.data.split is None:
        return store.splits
    if store.describers_learned:
        raise UsageError(
            f"data.split: the descriptors of {store.folder} were made under its own split, by models that saw the "
            "studies of another; leave data.split out, or split the run that they are of"
        )
    options, nobody = config.data.split, [None] * len(store)
    splits = make_splits(
        store.study_ids, store.patient_ids, store.labels, nobody, val=options.val, test=options.test, seed=options.seed
    )
    prove_disjoint(store.study_ids, store.patient_ids, splits)
    return splits
