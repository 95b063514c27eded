"""What each stage of guidance reads: the configs of its models, and the studies that it stands on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from mmdx.config import Component, Config, GuidanceConfig
from mmdx.data.store.store import Store
from mmdx.engine.assembly.build import kind_of
from mmdx.engine.assembly.checks import Presence
from mmdx.errors import DataError, UsageError, did_you_mean
from mmdx.models.heads.base import Head
from mmdx.registry import FUSIONS, HEADS
from mmdx.study import SPLITS, Split


@dataclass(frozen=True)
class GuidedStudies:
    """Rows of the store by split: those with an inferior modality, and those of them with a superior one as well."""

    inferior: Mapping[Split, list[int]]
    both: Mapping[Split, list[int]]

    def told(self) -> str:
        counts = ", ".join(f"{split} {len(self.both[split])} of {len(self.inferior[split])}" for split in SPLITS)
        return f"guidance: studies with both sides, of those with the inferior one: {counts}"


def guided_studies(config: Config, options: GuidanceConfig, store: Store, splits: Sequence[Split]) -> GuidedStudies:
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
    train = np.array([split == "train" for split in splits])
    for name, present in held.items():
        if not present[train].any():
            side = "superior" if name in options.superior else "inferior"
            raise DataError(
                f"{store.folder}: the {side} modality '{name}' is absent from all {int(train.sum())} training studies; "
                "prepare a store that has it, or leave it out of model.inputs and guidance"
            )
    inferior, superior = (np.any([held[n] for n in names], axis=0) for names in (options.inferior, options.superior))
    found = GuidedStudies(_rows(splits, inferior), _rows(splits, inferior & superior))
    for split in SPLITS:
        if not found.both[split]:
            raise DataError(
                f"{store.folder}: no {split} study has both {'+'.join(options.superior)} and "
                f"{'+'.join(options.inferior)}, between which guidance is to be learnt; split the studies otherwise "
                "(data.split), or prepare others"
            )
    return found


def _rows(splits: Sequence[Split], chosen: Bool[np.ndarray, "n"]) -> dict[Split, list[int]]:
    return {split: [row for row, name in enumerate(splits) if name == split and chosen[row]] for split in SPLITS}


def check_heads(config: Config, options: GuidanceConfig) -> None:
    """Raises `UsageError` where a side has no head that answers for studies."""
    for side, names in (("superior", options.superior), ("inferior", options.inferior)):
        kept = heads_for(config, names)
        blended = next((n for n, c in kept.items() if _answers_studies(c) and c.options.get("blend")), None)
        if blended is not None:
            raise UsageError(
                f"guidance: model.heads.{blended} blends in what slices show, which no guess of a latent has; "
                "drop blend"
            )
        if not any(_answers_studies(component) for component in kept.values()):
            raise UsageError(f"guidance: no head of model.heads answers for studies from the {side} side; add 'study'")


def _answers_studies(component: Component) -> bool:
    part = HEADS.get(component.type, "model.heads")
    return isinstance(part, type) and issubclass(part, Head) and part.level == "study"


def heads_for(config: Config, names: Sequence[str]) -> dict[str, Component]:
    """The heads of a model that reads some of the inputs alone: one that answers for images of another, or writes the
    text of another, is left out."""
    kinds = {kind_of(config.model.inputs[name]) for name in names}

    def fits(component: Component) -> bool:
        asked = [(component.options.get("modality", ""), "images"), (component.options.get("text", ""), "text")]
        return all(name in ("", *names) or (name is None and kind in kinds) for name, kind in asked)

    return {name: component for name, component in config.model.heads.items() if fits(component)}


def stage_config(
    config: Config,
    names: Sequence[str],
    folder: Path,
    *,
    dropout: bool = False,
    fusion: Component | None = None,
    heads: Sequence[str] | None = None,
) -> Config:
    """The config of a stage: an ordinary one, of the inputs `names` alone, which says nothing of the other side.

    `dropout` keeps modality dropout; `fusion` and `heads` (names of those kept) replace the config's own.
    """
    raw = config.model_dump()
    model, rates = raw["model"], config.model.modality_dropout
    raw["data"]["tables"] = {name: traits for name, traits in config.data.tables.items() if name in names}
    model["inputs"] = {name: section for name, section in model["inputs"].items() if name in names}
    kept = heads_for(config, names)
    model["heads"] = {n: c.model_dump() for n, c in kept.items() if heads is None or n in heads}
    model["modality_dropout"] = rates if dropout else 0.0
    if fusion is not None:
        model["fusion"] = FUSIONS.resolve(fusion, "model.fusion").model_dump()
    return Config.model_validate(raw | {"guidance": None, "run": folder})
