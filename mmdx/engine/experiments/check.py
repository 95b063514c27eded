"""What keeps a training from starting, all at once, before anything is prepared, written or asked of a device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydantic

from mmdx.config_file import read_raw
from mmdx.data.splits.splits import Splits
from mmdx.data.store.store import Store
from mmdx.engine.assembly.checks import check_stages, check_training
from mmdx.engine.assembly.encoders import with_timm_names
from mmdx.engine.assembly.facts import check_inputs
from mmdx.engine.assembly.resolve import lacking_parts, places, resolve_raw
from mmdx.engine.assembly.store import deal
from mmdx.engine.experiments.cross_validation import deal_folds, every_deal
from mmdx.engine.experiments.found import found_store
from mmdx.engine.experiments.guidance.studies import check_models
from mmdx.engine.runs.folder import free_run
from mmdx.errors import MmdxError, UsageError, some
from mmdx.schema import Config


@dataclass(frozen=True)
class Checked:
    """A config that a training could start from, resolved, and in one line what it would train."""

    config: Config
    sentence: str


def check(path: Path, overrides: Sequence[str] = ()) -> Checked:
    """Checks the config in a YAML file, with `key=value` overrides, and the studies that it names.

    Raises `UsageError` or `DataError` with all problems at once.
    """
    config = read_startable(path, overrides)
    store = found_store(config)
    splits = _check_store(config, store) if store is not None else None
    return Checked(config, _sentence(config, path.stem, store, splits))


def read_startable(path: Path, overrides: Sequence[str] = (), *, resume: bool = False) -> Config:
    """The config in a YAML file, resolved. Raises `UsageError` with all problems at once: those of the config, what its
    parts need and this machine lacks, and where there is one of these, what its studies lack as well.

    A training that goes on (`resume`) has its weights already.
    """
    raw = read_raw(path, overrides)
    problems: list[str] = []
    config = None
    try:
        config = resolve_raw(raw, str(path))
    except UsageError as error:
        problems += error.problems
    problems += [] if resume else lacking_parts(raw)
    if config is not None and not problems:
        return config
    rest = config or _without_faults(raw)
    problems += _lacking_studies(rest) if rest is not None else _lacking_source(raw)
    raise UsageError(problems)


def _without_faults(raw: Mapping[str, Any]) -> Config | None:
    """The config without the keys that are wrong, defaults in their place; None where nothing is left of it."""
    rest = deepcopy(with_timm_names(raw))
    for place in [place for place in places(rest) if place.problems()]:
        _drop(rest, place.keys[:-1] if place.keys[-1] == "encoder" else place.keys)
    while True:
        try:
            return Config.model_validate(rest)
        except pydantic.ValidationError as error:
            dropped = [_drop(rest, [str(key) for key in item["loc"]]) for item in error.errors()]
            if not any(dropped):
                return None


def _drop(raw: dict[str, Any], keys: Sequence[str]) -> bool:
    """Drops what stands under dotted keys, as far down as they lead; False where the first leads nowhere."""
    node, last = raw, None
    for key in keys:
        if not isinstance(node, dict) or key not in node:
            break
        last, node = (node, key), node[key]
    if last is None:
        return False
    del last[0][last[1]]
    return True


def _lacking_studies(config: Config) -> list[str]:
    """What the studies of a config lack of what it names, or why there are none."""
    try:
        store = found_store(config)
        if store is not None:
            (check_inputs if config.first is None else check_stages)(config, store)
    except MmdxError as error:
        return list(error.problems)
    return []


def _lacking_source(raw: Mapping[str, Any]) -> list[str]:
    """Why there are no studies, where nothing is left of a config but `data`."""
    try:
        found_store(Config.model_validate({"data": raw.get("data"), "model": {"inputs": {"image": "timm"}}}))
    except pydantic.ValidationError:  # said already
        return []
    except MmdxError as error:
        return list(error.problems)
    return []


def _check_store(config: Config, store: Store) -> Splits:
    """Refuses what a training on these studies would refuse; returns how they are dealt, of folds the store's own."""
    if config.data.folds is not None:
        for deal_of in every_deal(config):
            for splits in deal_folds(deal_of, store)[1]:
                check_training(deal_of, store, splits)
        return store.splits
    splits = deal(config, store)
    if config.guidance is None:
        check_training(config, store, splits)
    elif config.first is not None:
        check_stages(config, store)
    else:
        check_models(config, config.guidance, store, splits)
    return splits


def _sentence(config: Config, name: str, store: Store | None, splits: Splits | None) -> str:
    """What would be trained, on what, for how long, and where it would lie."""
    inputs = "+".join(config.model.inputs)
    try:
        place = f"run folder {free_run(config, name)}"
    except UsageError as error:
        place = f"but {error}"
    length = f"{config.train.epochs} epochs; {place}"
    if store is None or splits is None:
        made = f"studies that reader '{config.data.reader.type if config.data.reader else ''}' makes or downloads first"
        return f"this would train {inputs} on {made} ({config.data.source}); {length}"
    findings = config.data.findings or store.findings
    counts = splits.counts()
    if config.data.folds is not None:
        deals = f" of {config.data.folds.repeats} deals" if config.data.folds.repeats > 1 else ""
        studies = f"{len(store)} studies in {len(deal_folds(config, store)[1])} folds{deals}"
    else:
        rest = ", ".join(f"{split} {count}" for split, count in counts.items() if split != "train" and count)
        studies = f"{counts['train']} studies ({rest})" if rest else f"{counts['train']} studies"
    patients = len(set(store.patient_ids))
    return f"this would train {inputs} on {studies} of {patients} patients for {some(findings)}; {length}"
