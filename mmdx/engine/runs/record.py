"""What a run records of itself before it trains: its config and split, its machine, and the store that it stands on."""

from __future__ import annotations

import platform
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import Any

from accelerate import Accelerator

from mmdx.config_file import dump_config, read_config
from mmdx.data.splits.splits import Splits, read_splits, write_splits
from mmdx.data.store.cards.card import reason_without_names
from mmdx.data.store.finish import read_quarantine
from mmdx.data.store.store import Store
from mmdx.errors import DataError, UsageError
from mmdx.extras import PACKAGES, installed_version
from mmdx.files import RunLayout, write_json, write_text
from mmdx.schema import Config
from mmdx.strangers.bounded import read_json

REASONS = "quarantine_reasons"
STORE_KEYS = ("folder", "fingerprint", "reader", "options", "studies", "patients", "quarantined", REASONS)
"""What `environment.json` says of the store; the reasons of the quarantine are counted, without what is particular to
one study."""


def record_plan(run: RunLayout, config: Config, store: Store, splits: Splits) -> None:
    """Writes the split and, last, the config: with it, the run can be resumed. A resumed run keeps those that it has.

    Raises `DataError` where the run was dealt otherwise.
    """
    if run.config.is_file():
        if read_splits(run.splits) != dict(zip(store.study_ids, splits, strict=True)):
            raise DataError(f"{run.splits}: the store deals its patients otherwise now; start a new run")
        return
    run.folder.mkdir(parents=True, exist_ok=True)
    write_splits(run.splits, store.study_ids, store.patient_ids, splits)
    write_text(run.config, dump_config(config))


def write_origin(run: RunLayout, config: Config, store: Store, accelerator: Accelerator) -> None:
    """Records the store and, last, the config: with it, the run can be resumed."""
    record_store(run, store, accelerator)
    write_text(run.config, dump_config(config))


def record_store(run: RunLayout, store: Store, accelerator: Accelerator) -> None:
    """Writes `environment.json`. Raises `DataError` where a run that goes on was trained on another store."""
    if run.environment.is_file():
        same_store(run, store)
        return
    facts = {"folder": str(store.folder), **store.description, REASONS: _reasons(store)}
    environment = {
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "packages": {name: installed_version(name) for name in PACKAGES},
        "device": str(accelerator.device),
        "processes": accelerator.num_processes,
        "date": date.today().isoformat(),
        "store": {key: facts[key] for key in STORE_KEYS},
    }
    write_json(run.environment, environment)


def _reasons(store: Store) -> dict[str, int]:
    """How many studies could not be stored, by reason, the commonest first."""
    rows = read_quarantine(store.folder) if store.quarantined else []
    return dict(Counter(reason_without_names(row["reason"]) for row in rows).most_common())


def read_environment(run: RunLayout) -> dict[str, Any]:
    """Versions, device, processes and `store` (`STORE_KEYS`). Raises `UsageError` where the folder is no run."""
    try:
        return read_json(run.environment)
    except FileNotFoundError:
        raise UsageError(f"{run.folder}: not a run folder (no {run.environment.name})") from None


def write_members(run: RunLayout, members: Sequence[RunLayout]) -> None:
    """Records the runs that an ensemble is made of, the members of ensembles among them one by one."""
    write_json(run.members, [entry for member in members for entry in read_members(member)])


def read_members(run: RunLayout) -> list[dict[str, Any]]:
    """The runs that a run is made of: `run`, its folder, `seed`, and `store` (`STORE_KEYS`); itself where it is no
    ensemble."""
    if run.members.is_file():
        return read_json(run.members)
    seed = read_config(run.config).seed
    return [{"run": str(run.folder), "seed": seed, "store": read_environment(run)["store"]}]


def same_store(run: RunLayout, store: Store) -> None:
    """Raises `DataError` where a store is not the one that the run was trained on."""
    if store.fingerprint != read_environment(run)["store"]["fingerprint"]:
        raise DataError(f"{store.folder}: is not the store that {run.folder} was trained on; prepare that one again")


def splits_of(run: RunLayout, store: Store) -> Splits:
    """The split of each study of the store, as the run has it. Raises `DataError` where these are other studies."""
    splits = read_splits(run.splits)
    unknown = [study for study in store.study_ids if study not in splits]
    if unknown or len(splits) != len(store):
        raise DataError(
            f"{run.splits}: names {len(splits)} studies, the store {store.folder} holds {len(store)}; the run was "
            "trained on another store"
        )
    return Splits(tuple(splits[study] for study in store.study_ids), tuple(store.patient_ids))
