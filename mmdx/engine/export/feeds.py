"""What an exported model is fed: the tensors of one study, by name, and what stands for an input that is absent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mmdx.batch import Batch, Packed, Sample
from mmdx.engine.assembly.facts import ModelFacts
from mmdx.engine.assembly.saved import SavedModel
from mmdx.engine.inference.raw import collate_of
from mmdx.kinds import KINDS

PRESENT = "present"
PLACES = ".places"
"""What follows the name of an image input in that of the tensor that says where its images stand."""


@dataclass(frozen=True)
class Feed:
    """One tensor that is fed: of which input (None: of all, which are present), its blank, and the name of its first
    dimension, where that may have any size, or any up to `most`."""

    name: str
    input: str | None
    blank: Tensor
    dimension: str | None
    most: int | None = None

    @property
    def shape(self) -> list[int | str]:
        sizes: list[int | str] = list(self.blank.shape)
        return [self.dimension, *sizes[1:]] if self.dimension is not None else sizes

    def example(self, count: int) -> Tensor:
        """A tensor like its blank, of so many items."""
        return self.blank.repeat(count, *[1] * (self.blank.dim() - 1)) if self.dimension else self.blank


def feeds_of(saved: SavedModel, inputs: Sequence[str]) -> list[Feed]:
    """The tensors that a model is fed of one study of which it is shown `inputs`, in their order."""
    blanks = blanks_of(saved)
    feeds = []
    if len(inputs) > 1:
        feeds.append(Feed(PRESENT, None, torch.ones(len(inputs), dtype=torch.bool), None))
    for name in inputs:
        kind = KINDS[saved.facts.inputs[name].kind]
        most = saved.tokenizers[name].max_tokens if kind.worded else None
        feeds.append(Feed(name, name, blanks[name], None if kind.made else f"{name}_items", most))
        if kind.pictured:
            feeds.append(Feed(f"{name}{PLACES}", name, torch.full((1,), torch.nan), f"{name}_items"))
    return feeds


def blanks_of(saved: SavedModel) -> dict[str, Tensor]:
    """One item of each input, which stands for an absent one: all zeros."""
    labels = np.zeros(len(saved.facts.findings), np.float32)
    packed = collate_of(saved)([Sample("study", "patient", {}, labels, {})]).inputs
    return {name: one.values.new_zeros((1, *one.values.shape[1:])) for name, one in packed.items()}


def feed_of(batch: Batch, feeds: Sequence[Feed]) -> dict[str, Tensor]:
    """What is fed of the one study of a batch."""
    inputs = list(dict.fromkeys(feed.input for feed in feeds if feed.input is not None))
    fed = {}
    for feed in feeds:
        if feed.input is None:
            fed[feed.name] = torch.tensor([bool(batch.present(name)[0]) for name in inputs])
            continue
        packed = batch.inputs[feed.input]
        values = packed.places if feed.name != feed.input else packed.values
        fed[feed.name] = values if values is not None and len(values) else feed.blank
    return fed


def batch_of(facts: ModelFacts, inputs: dict[str, Packed]) -> Batch:
    """A batch of one study that has all inputs, and nothing else."""
    return Batch(("study",), ("patient",), inputs, torch.zeros(1, len(facts.findings)), {})
