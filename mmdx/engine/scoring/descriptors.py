"""Descriptors of images, as a trained model leaves them, become a store of vectors.

A descriptor is what the encoder of a modality gives for one image, before any sequence model, in evaluation and without
augmentation. Behind it stand the logits of the slice head of that modality, where the model has one and they are asked
for. Reports are withheld: what is said of an image must not depend on whether there was one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor

from mmdx.batch import Output
from mmdx.data.store.derive import Derivation, Descriptors, finish_derived, finished, write_portion
from mmdx.data.store.kinds import ModalityFacts
from mmdx.data.store.lock import Group, locked
from mmdx.data.store.store import FROZEN, Store
from mmdx.engine.assembly.loader import build_loader
from mmdx.engine.assembly.saved import SavedModel, copy_model, weights_digest
from mmdx.engine.runs.setting import Setting
from mmdx.engine.scoring.encoded import encode_once, plain_recipe, with_descriptors
from mmdx.errors import DataError, UsageError, did_you_mean
from mmdx.files import ModelLayout
from mmdx.kinds import KINDS, VECTORS
from mmdx.models.branches.base import Branch
from mmdx.models.branches.images import ImageBranch
from mmdx.models.branches.vectors import VectorBranch
from mmdx.models.heads.slice import SliceHead
from mmdx.models.model import MultimodalModel
from mmdx.models.packing import unpad

OWN = "own"
"""The name of the one model of a run, which describes what it was not trained on, and new images."""
Told = Callable[[int], None] | None
"""Told how many more studies a model has described."""


@dataclass(frozen=True)
class Describer:
    """A model that leaves descriptors, its model folder, and the patients that it has learned from."""

    saved: SavedModel
    folder: Path
    patients: frozenset[str]


@dataclass(frozen=True)
class Extraction:
    """What `extract` does: which of `describers` describes each row, and of which modalities.

    `of_rows` names the describer of each row of the store. `folds` is how many fold models describe training studies;
    then logits stand behind the descriptors. None is for encoders that have learned nothing from the studies: they need
    no folds, and logits are left out, for the slice head that gives them has learned.
    """

    run: Path
    describers: Mapping[str, Describer]
    of_rows: Sequence[str]
    modalities: Sequence[str]
    folds: int | None

    @property
    def logits(self) -> bool:
        """Whether the logits of a slice head stand behind the descriptors."""
        return self.folds is not None

    @property
    def first_model(self) -> SavedModel:
        return next(iter(self.describers.values())).saved

    def facts(self) -> dict[str, ModalityFacts]:
        """What each described modality becomes."""
        saved = self.first_model
        extra = {name: logits_of(saved, name) if self.logits else 0 for name in self.modalities}
        widths = {}
        for name in self.modalities:
            models = [saved.members[place].model for place in distinct_members(saved, name)]
            widths[name] = sum(_branch(model, name).sizes.vectors for model in models) + extra[name]
        return {name: ModalityFacts(VECTORS.name, width=widths[name], logits=extra[name]) for name in self.modalities}

    def origin(self) -> dict[str, object]:
        """What `dataset.json` says of it."""
        return {
            "run": str(self.run),
            "weights": {name: weights_digest(describer.folder) for name, describer in self.describers.items()},
            "modalities": list(self.modalities),
            "findings": list(self.first_model.facts.findings),
            "folds": self.folds,
            "training_rows": "out-of-fold" if self.folds else FROZEN,
        }


def describable(saved: SavedModel) -> list[str]:
    """The modalities of a model that can be described: those of which its branch keeps a vector per item."""
    kinds = {name: KINDS[facts.kind] for name, facts in saved.facts.inputs.items()}
    return [name for name in kinds if kinds[name].sliced and _branch(saved.model, name).sizes.vectors]


def chosen_modalities(saved: SavedModel, names: Sequence[str]) -> list[str]:
    """Those of `names`, else all that can be described. Raises `UsageError` for one that cannot."""
    modalities = describable(saved)
    for name in names:
        if name not in modalities:
            raise UsageError(f"--modality {name}: the run describes no '{name}'; {did_you_mean(name, modalities)}")
    if not modalities:
        raise UsageError("the run reads neither images nor descriptors, so it leaves none")
    return [name for name in modalities if not names or name in names]


def distinct_members(saved: SavedModel, modality: str) -> list[int]:
    """The places of the members of a model whose vectors of a modality differ: of those with one frozen encoder the
    first."""
    members, distinct = saved.members, list[int]()
    for place, member in enumerate(members):
        if not any(_same_vectors(member, members[other], modality) for other in distinct):
            distinct.append(place)
    return distinct


def joining(saved: SavedModel, modality: str, *, logits: bool) -> Callable[[Sequence[np.ndarray]], np.ndarray]:
    """What makes the descriptors `[n d]` of the same images by each member of a model those of the model: the vectors
    of members that differ side by side, and where there are `logits` behind them their mean over all members."""
    places = distinct_members(saved, modality)
    answers = logits_of(saved, modality) if logits else 0

    def joined(by_member: Sequence[np.ndarray]) -> np.ndarray:
        if len(by_member) == 1:
            return by_member[0]
        vectors = [by_member[place][:, : by_member[place].shape[1] - answers] for place in places]
        means = [np.mean([part[:, part.shape[1] - answers :] for part in by_member], axis=0)] if answers else []
        return np.concatenate([*vectors, *means], axis=1, dtype=np.float32)

    return joined


def logits_of(saved: SavedModel, modality: str) -> int:
    """How many logits stand behind the vectors of a modality, where they are asked for."""
    return len(saved.facts.findings) if slice_head(saved.model, modality) else 0


def is_frozen(model: MultimodalModel, modality: str) -> bool:
    """Whether what describes a modality has learned nothing from the studies."""
    return not _branch(model, modality).learns_vectors()


def slice_head(model: MultimodalModel, modality: str) -> str | None:
    """The name of the head that answers for the images of a modality."""
    return next(iter(model.heads_of("slice", modality=modality)), None)


def descriptors_of(model: MultimodalModel, output: Output, modality: str, *, logits: bool) -> Float[Tensor, "n d"]:
    """The descriptors of the packed images of a batch, in float32, with the logits of the slice head behind them.

    Where the head blends in logits of the encoder's own vectors, these alone are taken: the answer for an image before
    any sequence model saw it.
    """
    features, head = output.features[modality], slice_head(model, modality)
    if features.vectors is None:
        raise UsageError(f"'{modality}': its branch keeps no vectors; extract another modality")
    vectors = unpad(features.vectors, features.mask)
    if not logits or head is None:
        return vectors.float()
    answering = model.answering[head]
    of_vectors = answering.own if isinstance(answering, SliceHead) else None
    answers = output.logits[head] if of_vectors is None else of_vectors(vectors)
    return torch.cat([vectors.float(), answers.float()], dim=1)


def describe_rows(
    saved: SavedModel, store: Store, rows: Sequence[int], modalities: Sequence[str], *, logits: bool, told: Told = None
) -> dict[str, list[Float32[np.ndarray, "n d"]]]:
    """By modality, the descriptors of each row, in this order; all images of a study in certified order, whatever
    `data.max_images`, `data.order` and `data.drop_images`. Of an ensemble they are joined (`joining`)."""
    by_member = [_described_by(member, store, rows, modalities, logits=logits, told=told) for member in saved.members]
    described = {}
    for name in modalities:
        joined = joining(saved, name, logits=logits)
        described[name] = [joined(parts) for parts in zip(*(one[name] for one in by_member), strict=True)]
    return described


def _described_by(
    saved: SavedModel, store: Store, rows: Sequence[int], modalities: Sequence[str], *, logits: bool, told: Told
) -> dict[str, list[Float32[np.ndarray, "n d"]]]:
    """What `describe_rows` gives of one model."""
    device = next(saved.model.parameters()).device
    recipe = plain_recipe(with_descriptors(saved, store).recipe)
    loader, _ = build_loader(recipe, store, rows, shuffle=False, shown=modalities)
    by_modality: dict[str, list[np.ndarray]] = {name: [] for name in modalities}
    saved.model.eval()
    with torch.inference_mode():
        for batch in loader:
            output = saved.model(batch.to(device))
            for name in modalities:
                values = descriptors_of(saved.model, output, name, logits=logits).cpu()
                parts = values.split(batch.inputs[name].lengths.tolist())
                by_modality[name] += [part.numpy() for part in parts]
            if told is not None:
                told(len(batch.study_ids))
    return by_modality


def extract(extraction: Extraction, setting: Setting, out: Path) -> Store:
    """The store of descriptors in `out`, made now, gone on with or found done; processes share its shards.

    Raises `DataError` where a study would be described by a model that has learned from its patient, unless nothing of
    what describes it has learned at all, and where `out` holds anything else.
    """
    store, accelerator = setting.store, setting.accelerator
    prove_unseen(extraction, store)
    derivation = Derivation(store, extraction.facts(), setting.splits, extraction.origin())
    done = finished(derivation, out)
    accelerator.wait_for_everyone()
    if done is not None:
        return done
    encode_once(extraction.first_model, setting)
    group = Group.of_environment()
    with locked(out, derivation.fingerprint(), group):
        portions = derivation.portions(out)[accelerator.process_index :: accelerator.num_processes]
        described = _counted(extraction, setting, sum(len(rows) for _, rows in portions))
        for path, rows in portions:
            write_portion(derivation, path, rows, lambda rows=rows: _by_describer(extraction, store, rows, described))
        accelerator.wait_for_everyone()
        if setting.is_main:
            if OWN in extraction.describers:
                copy_model(extraction.describers[OWN].folder, ModelLayout(out).first)
            finish_derived(derivation, out)
        accelerator.wait_for_everyone()
    return Store(out)


def prove_unseen(extraction: Extraction, store: Store) -> None:
    """Raises `DataError` for a study that a model would describe which has learned from its patient."""
    models = [member.model for member in extraction.first_model.members]
    if not extraction.logits and all(is_frozen(model, name) for model in models for name in extraction.modalities):
        return
    for row, name in enumerate(extraction.of_rows):
        if store.patient_ids[row] in extraction.describers[name].patients:
            raise DataError(
                f"{extraction.run}: model '{name}' has learned from patient '{store.patient_ids[row]}', so it must not "
                f"describe study '{store.study_ids[row]}' for a second stage; extract with --folds"
            )


def _counted(extraction: Extraction, setting: Setting, studies: int) -> Told:
    """What is told of the studies that this process describes, once by each member; it counts those of all, about."""
    done, world = 0, setting.accelerator.num_processes
    total = studies * world * len(extraction.first_model.members)

    def told(more: int) -> None:
        nonlocal done
        done += more * world
        setting.count("extracting", done, total, "studies")

    setting.count("extracting", 0, total, "studies")
    return told


def _by_describer(extraction: Extraction, store: Store, rows: Sequence[int], told: Told) -> Descriptors:
    """The descriptors of some rows, each from its own model."""
    by_modality: dict[str, dict[int, np.ndarray]] = {name: {} for name in extraction.modalities}
    for name, describer in extraction.describers.items():
        mine = [row for row in rows if extraction.of_rows[row] == name]
        if mine:
            names, logits = extraction.modalities, extraction.logits
            arrays = describe_rows(describer.saved, store, mine, names, logits=logits, told=told)
            for modality, values in arrays.items():
                by_modality[modality] |= dict(zip(mine, values, strict=True))
    return {modality: [by_row[row] for row in rows] for modality, by_row in by_modality.items()}


def _branch(model: MultimodalModel, modality: str) -> Branch:
    branch = model.branches[modality]
    if not isinstance(branch, Branch):
        raise TypeError(f"'{modality}' is read by {type(branch).__name__}, which is no Branch")
    return branch


def _same_vectors(one: SavedModel, other: SavedModel, modality: str) -> bool:
    """Whether two models give the same vectors of a modality: by one frozen encoder, which sees the same."""
    sections = [saved.config.model.inputs[modality] for saved in (one, other)]
    seen = [(section.encoder, section.view, section.neighbours) for section in sections]
    if seen[0] != seen[1] or not all(is_frozen(saved.model, modality) for saved in (one, other)):
        return False
    left, right = (_vector_tensors(_branch(saved.model, modality)) for saved in (one, other))
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


def _vector_tensors(branch: Branch) -> dict[str, Tensor]:
    """Parameters and buffers that the vectors of a branch come from, those of its sequence model left out."""
    named = [*branch.named_parameters(), *branch.named_buffers()]
    if isinstance(branch, ImageBranch | VectorBranch):
        named = [(name, tensor) for name, tensor in named if name.startswith(("view.", "encoder.", "select."))]
    return dict(named)
