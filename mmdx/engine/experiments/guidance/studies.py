"""What each stage of guidance reads: the configs of its models, and the studies that it stands on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from mmdx.data.splits.splits import Splits
from mmdx.data.store.store import Store
from mmdx.engine.assembly.checks import Presence, check_training
from mmdx.engine.assembly.finals import part_of_more
from mmdx.engine.assembly.narrow import NarrowConfig, narrow
from mmdx.engine.assembly.resolve import resolve
from mmdx.errors import DataError, UsageError, did_you_mean
from mmdx.schema import Component, Config, GuidanceConfig
from mmdx.study import SPLITS, Split


@dataclass(frozen=True)
class GuidedStudies:
    """Rows of the store by split: those with an inferior modality, and those of them with a superior one as well."""

    inferior: Mapping[Split, list[int]]
    both: Mapping[Split, list[int]]

    def sentence(self) -> str:
        """How many studies have both sides, by split, in one line."""
        counts = ", ".join(f"{split} {len(self.both[split])} of {len(self.inferior[split])}" for split in SPLITS)
        return f"guidance: studies with both sides, of those with the inferior one: {counts}"


def guided_studies(config: Config, options: GuidanceConfig, store: Store, splits: Splits) -> GuidedStudies:
    """Which studies have what.

    Raises `UsageError` for a modality that the store lacks, and `DataError` where one is absent from all training
    studies, or both sides together from a whole split.
    """
    for name in config.model.inputs:
        if name not in store.modalities and name not in config.data.tables:
            hint = did_you_mean(name, store.modalities)
            raise UsageError(f"model.inputs.{name}: no such modality in {store.folder}; {hint}")
    present = Presence(config, store)
    held = {n: np.array([present(row, n) for row in range(len(store))], dtype=bool) for n in config.model.inputs}
    train = splits.rows("train")
    for name, present in held.items():
        if not present[train].any():
            side = "superior" if name in options.superior else "inferior"
            raise DataError(
                f"{store.folder}: the {side} modality '{name}' is absent from all {len(train)} training studies; "
                "prepare a store that has it, or leave it out of model.inputs and guidance"
            )
    inferior, superior = (np.any([held[n] for n in names], axis=0) for names in (options.inferior, options.superior))
    guided = GuidedStudies(_rows(splits, inferior), _rows(splits, inferior & superior))
    for split in SPLITS:
        if not guided.both[split]:
            raise DataError(
                f"{store.folder}: no {split} study has both {'+'.join(options.superior)} and "
                f"{'+'.join(options.inferior)}, between which guidance is to be learnt; split the studies otherwise "
                "(data.split), or prepare others"
            )
    return guided


def _rows(splits: Splits, chosen: Bool[np.ndarray, "n"]) -> dict[Split, list[int]]:
    return {split: [row for row in splits.rows(split) if chosen[row]] for split in SPLITS}


def stage_config(
    config: Config,
    names: Sequence[str],
    folder: Path | None = None,
    *,
    dropout: bool = False,
    withhold: Sequence[str] = (),
    fusion: Component | None = None,
    heads: Sequence[str] | None = None,
) -> NarrowConfig:
    """The config of a stage: an ordinary one, of the inputs `names` alone, which says nothing of the other side.

    `dropout` keeps modality dropout, which rises to 1 for the inputs `withhold`; `fusion` and `heads` (names of those
    that stay) replace the config's own.
    """
    model = config.model
    if heads is not None:
        chosen = {name: head for name, head in model.heads.items() if name in heads}
        model = model.model_copy(update={"heads": chosen})
    side = narrow(config.model_copy(update={"model": model}), names)
    changes: dict[str, object] = {"withhold": tuple(withhold)}
    if not dropout:
        changes["modality_dropout"] = 0.0
    if fusion is not None:
        changes["fusion"] = fusion
    stage = side.config.model_copy(update={"model": side.config.model.model_copy(update=changes), "run": folder})
    return NarrowConfig(resolve(part_of_more(stage)), side.notes)


def check_models(config: Config, options: GuidanceConfig, store: Store, splits: Splits) -> None:
    """Holds the model of each side, and that of both, to what any training is held to (`check_training`)."""
    for names in (options.superior, options.inferior, tuple(config.model.inputs)):
        check_training(stage_config(config, names).config, store, splits)
