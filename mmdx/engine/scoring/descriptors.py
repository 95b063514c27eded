"""Descriptors of images, as a trained model leaves them, become a store of vectors.

A descriptor is what the encoder of a modality gives for one image, before any sequence model, in evaluation and without
augmentation. Behind it stand the logits of the slice head of that modality, where the model has one and they are asked
for. Reports are withheld: what is said of an image must not depend on whether there was one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from jaxtyping import Float, Float32
from rich.console import Console
from rich.progress import track
from torch import Tensor

from mmdx.batch import Output
from mmdx.data.splits.splits import Splits
from mmdx.data.store.derive import Derivation, Descriptors, finish_derived, finished, write_portion
from mmdx.data.store.kinds import ModalityFacts
from mmdx.data.store.lock import Group, locked
from mmdx.data.store.store import Store
from mmdx.engine.assembly.loader import build_loader
from mmdx.engine.assembly.saved import SavedModel, copy_model, weights_digest
from mmdx.errors import DataError, UsageError, did_you_mean
from mmdx.files import ModelLayout
from mmdx.kinds import KINDS
from mmdx.models.branches.images import ImageBranch
from mmdx.models.branches.vectors import VectorBranch
from mmdx.models.heads.slice import SliceHead
from mmdx.models.model import MultimodalModel
from mmdx.models.packing import unpad

OWN = "own"
"""The name of the one model of a run, which describes what it was not trained on, and new images."""


@dataclass(frozen=True)
class Describer:
    """A model that leaves descriptors, its model folder, and the patients that it has learned from."""

    saved: SavedModel
    folder: Path
    patients: frozenset[str]


@dataclass(frozen=True)
class Extraction:
    """What `extract` does: which of `describers` describes each row, of which modalities, with logits or without.

    `training_rows` says in words why a second stage may be trained on them; `folds` is how many fold models there were.
    """

    run: Path
    describers: Mapping[str, Describer]
    of_rows: Sequence[str]
    modalities: Sequence[str]
    logits: bool
    frozen: bool
    folds: int | None

    @property
    def any(self) -> SavedModel:
        return next(iter(self.describers.values())).saved

    def facts(self) -> dict[str, ModalityFacts]:
        """What each described modality becomes."""
        model, findings = self.any.model, len(self.any.facts.findings)
        extra = {name: findings if self.logits and slice_head(model, name) else 0 for name in self.modalities}
        return {
            name: ModalityFacts("vectors", width=_branch(model, name).sizes.vectors + extra[name], logits=extra[name])
            for name in self.modalities
        }

    def origin(self) -> dict[str, object]:
        """What `dataset.json` says of it."""
        return {
            "run": str(self.run),
            "weights": {name: weights_digest(describer.folder) for name, describer in self.describers.items()},
            "modalities": list(self.modalities),
            "findings": list(self.any.facts.findings),
            "folds": self.folds,
            "training_rows": "out-of-fold" if self.folds else "frozen encoder",
        }


def describable(saved: SavedModel) -> list[str]:
    """The modalities of a model that can be described: images, and descriptors that it reads itself."""
    return [name for name, facts in saved.facts.inputs.items() if KINDS[facts.kind].sliced]


def chosen_modalities(saved: SavedModel, asked: Sequence[str]) -> list[str]:
    """Those of `asked`, else all that can be described. Raises `UsageError` for one that cannot."""
    known = describable(saved)
    for name in asked:
        if name not in known:
            raise UsageError(f"--modality {name}: the run describes no '{name}'; {did_you_mean(name, known)}")
    if not known:
        raise UsageError("the run reads neither images nor descriptors, so it leaves none")
    return [name for name in known if not asked or name in asked]


def is_frozen(model: MultimodalModel, modality: str) -> bool:
    """Whether what describes a modality has learned nothing from the studies."""
    branch = _branch(model, modality)
    learned = any(parameter.requires_grad for parameter in branch.encoder.parameters())
    return not learned and not (isinstance(branch, VectorBranch) and branch.select is not None)


def slice_head(model: MultimodalModel, modality: str) -> str | None:
    """The name of the head that answers for the images of a modality."""
    return next(iter(model.heads_of("slice", modality=modality)), None)


def described(model: MultimodalModel, output: Output, modality: str, *, logits: bool) -> Float[Tensor, "n d"]:
    """The descriptors of the packed images of a batch, in float32, with the logits of the slice head behind them.

    Where the head blends in logits of the encoder's own vectors, these alone are taken: what was said of an image
    before any sequence model saw it.
    """
    seen, head = output.features[modality], slice_head(model, modality)
    if seen.vectors is None:
        raise UsageError(f"'{modality}': its branch keeps no vectors; extract another modality")
    vectors = unpad(seen.vectors, seen.mask)
    if not logits or head is None:
        return vectors.float()
    answering = model.answering[head]
    own = answering.own if isinstance(answering, SliceHead) else None
    said = output.logits[head] if own is None else own(vectors)
    return torch.cat([vectors.float(), said.float()], dim=1)


def describe_rows(
    saved: SavedModel, store: Store, rows: Sequence[int], modalities: Sequence[str], *, logits: bool
) -> dict[str, list[Float32[np.ndarray, "n d"]]]:
    """By modality, the descriptors of each row, in this order; all images of a study in certified order, whatever
    `data.max_images`, `data.order` and `data.drop_images`."""
    data, train = saved.config.data, saved.config.train
    config = saved.config.model_copy(
        update={
            "data": data.model_copy(update={"max_images": None, "order": "certified", "drop_images": 0.0}),
            "train": train.model_copy(update={"workers": 0}),
        }
    )
    device = next(saved.model.parameters()).device
    recipe = replace(saved.recipe, config=config)
    loader, _ = build_loader(recipe, store, rows, shuffle=False, shown=modalities)
    found: dict[str, list[np.ndarray]] = {name: [] for name in modalities}
    saved.model.eval()
    with torch.inference_mode():
        for batch in loader:
            output = saved.model(batch.to(device))
            for name in modalities:
                values = described(saved.model, output, name, logits=logits).cpu()
                parts = values.split(batch.inputs[name].lengths.tolist())
                found[name] += [part.numpy() for part in parts]
    return found


def extract(
    made: Extraction, store: Store, splits: Splits, out: Path, accelerator: Accelerator, console: Console
) -> Store:
    """The store of descriptors in `out`, made now, gone on with or found done; processes share its shards.

    Raises `DataError` where a study would be described by a model that has learned from its patient, unless nothing of
    what describes it has learned at all, and where `out` holds anything else.
    """
    prove_unseen(made, store)
    derivation = Derivation(store, made.facts(), splits, made.origin())
    done = finished(derivation, out)
    accelerator.wait_for_everyone()
    if done is not None:
        return done
    group = Group.of_environment()
    with locked(out, derivation.fingerprint(), group):
        portions = derivation.portions(out)[accelerator.process_index :: accelerator.num_processes]
        silent = not (accelerator.is_main_process and console.is_terminal)
        for path, rows in track(portions, "extracting", console=console, disable=silent, transient=True):
            write_portion(derivation, path, rows, lambda rows=rows: _by_describer(made, store, rows))
        accelerator.wait_for_everyone()
        if accelerator.is_main_process:
            if OWN in made.describers:
                copy_model(made.describers[OWN].folder, ModelLayout(out).first)
            finish_derived(derivation, out)
        accelerator.wait_for_everyone()
    return Store(out)


def prove_unseen(made: Extraction, store: Store) -> None:
    """Raises `DataError` for a study that a model would describe which has learned from its patient."""
    if made.frozen and not made.logits:
        return
    for row, name in enumerate(made.of_rows):
        if store.patient_ids[row] in made.describers[name].patients:
            raise DataError(
                f"{made.run}: model '{name}' has learned from patient '{store.patient_ids[row]}', so it must not "
                f"describe study '{store.study_ids[row]}' for a second stage; extract with --folds"
            )


def _by_describer(made: Extraction, store: Store, rows: Sequence[int]) -> Descriptors:
    """The descriptors of some rows, each from its own model."""
    found: dict[str, dict[int, np.ndarray]] = {name: {} for name in made.modalities}
    for name, describer in made.describers.items():
        mine = [row for row in rows if made.of_rows[row] == name]
        if mine:
            arrays = describe_rows(describer.saved, store, mine, made.modalities, logits=made.logits)
            for modality, values in arrays.items():
                found[modality] |= dict(zip(mine, values, strict=True))
    return {modality: [by_row[row] for row in rows] for modality, by_row in found.items()}


def _branch(model: MultimodalModel, modality: str) -> ImageBranch | VectorBranch:
    branch = model.branches[modality]
    if not isinstance(branch, ImageBranch | VectorBranch):
        raise UsageError(f"'{modality}' is neither images nor descriptors")
    return branch
