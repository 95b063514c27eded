"""A Batch becomes an Output: encode each modality, put stand-ins, fuse, answer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from mmdx.batch import Batch, Boxes, Features, Output, Packed
from mmdx.models.absent import StandIns, draw_shown
from mmdx.models.augment import StudyAugment, move_boxes
from mmdx.models.fusion.pooled import Fusion
from mmdx.models.heads.base import BranchSizes, Head
from mmdx.models.image import ImageEncoder
from mmdx.models.packing import item_mask, pad, with_neighbours
from mmdx.models.select import Affine
from mmdx.models.sequence.base import SequenceModel
from mmdx.models.tabular import TableEncoder
from mmdx.models.text.words import TextEncoder
from mmdx.models.vectors import VectorEncoder
from mmdx.models.views import View


class Branch(nn.Module, ABC):
    """One modality: packed items to `Features` whose pooled vector has the width at which modalities meet.

    `minds_order` says whether the answer depends on the order of images or descriptors.
    """

    sizes: BranchSizes
    minds_order = False

    @abstractmethod
    def forward(self, packed: Packed) -> Features: ...


def in_sequence(sequence: SequenceModel, vectors: Float[Tensor, "n d"], packed: Packed) -> Features:
    """Packed vectors through a sequence model, which keeps them as `Features.vectors`."""
    mask = item_mask(packed.lengths)
    places = vectors.new_full((len(vectors),), torch.nan) if packed.places is None else packed.places
    padded = pad(vectors, mask)
    return replace(sequence(padded, mask, pad(places, mask)), vectors=padded)


class ImageBranch(Branch):
    """View, augmentation, encoder of each image, sequence model over them, projection.

    The encoder sees each image with `neighbours` ones on either side as channels. `maps` counts the feature maps to
    keep, from the coarsest: 0 until a head or a look at the model asks for some.
    """

    def __init__(
        self,
        view: View,
        augment: StudyAugment,
        encoder: ImageEncoder,
        sequence: SequenceModel,
        dim: int,
        *,
        neighbours: int = 0,
    ) -> None:
        super().__init__()
        self.maps = 0
        self.view, self.augment, self.neighbours = view, augment, neighbours
        self.minds_order = sequence.minds_order or neighbours > 0
        self.encoder, self.sequence = encoder, sequence
        self.project = nn.Sequential(nn.Linear(sequence.dim, dim), nn.LayerNorm(dim))
        self.sizes = BranchSizes("images", items=sequence.item_dim, vectors=encoder.dim, maps=encoder.maps)

    def forward(self, packed: Packed) -> Features:
        images, moves = self.augment(self.view(packed.values), packed.lengths)
        if self.neighbours:
            images = with_neighbours(images, packed.lengths, self.neighbours)
        vectors, maps = self.encoder.with_maps(images, self.maps) if self.maps else (self.encoder(images), ())
        seen = in_sequence(self.sequence, vectors, packed)
        return replace(seen, pooled=self.project(seen.pooled), maps=maps, moves=moves)


class VectorBranch(Branch):
    """Selection, encoder of each descriptor, sequence model over them, projection."""

    def __init__(
        self, encoder: VectorEncoder, sequence: SequenceModel, dim: int, *, select: Affine | None = None
    ) -> None:
        super().__init__()
        self.select, self.encoder, self.sequence = select, encoder, sequence
        self.project = nn.Sequential(nn.Linear(sequence.dim, dim), nn.LayerNorm(dim))
        self.sizes = BranchSizes("vectors", items=sequence.item_dim, vectors=encoder.dim)

    def forward(self, packed: Packed) -> Features:
        chosen = packed.values if self.select is None else self.select(packed.values)
        seen = in_sequence(self.sequence, self.encoder(chosen), packed)
        return replace(seen, pooled=self.project(seen.pooled))


class TextBranch(Branch):
    """Text encoder and projection."""

    def __init__(self, encoder: TextEncoder, dim: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.project = nn.Sequential(nn.Linear(encoder.dim, dim), nn.LayerNorm(dim))
        self.sizes = BranchSizes("text", items=encoder.item_dim)

    def forward(self, packed: Packed) -> Features:
        seen = self.encoder(packed.values, packed.lengths)
        return replace(seen, pooled=self.project(seen.pooled))


class TableBranch(Branch):
    """Encoder of a study's row, which is its one item, and projection."""

    def __init__(self, encoder: TableEncoder, dim: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.project = nn.Sequential(nn.Linear(encoder.dim, dim), nn.LayerNorm(dim))
        self.sizes = BranchSizes("tabular", items=encoder.dim)

    def forward(self, packed: Packed) -> Features:
        mask = item_mask(packed.lengths)
        items = pad(self.encoder(packed.values), mask)
        return Features(items=items, mask=mask, pooled=self.project(items[:, 0]))


class MultimodalModel(nn.Module):
    """Branches by modality, fusion and heads. Modality dropout is drawn in training only.

    Every branch runs on every batch, on a blank item when no study has its modality: under distributed training a
    branch that one process skips would leave the others waiting for its gradients.
    """

    rates: Tensor

    def __init__(
        self,
        branches: Mapping[str, Branch],
        fusion: Fusion,
        heads: Mapping[str, Head],
        *,
        dim: int,
        modality_dropout: Mapping[str, float],
    ) -> None:
        super().__init__()
        self.branches = nn.ModuleDict(branches)
        self.stand_ins = StandIns(list(branches), dim)
        self.fusion = fusion
        self.heads = nn.ModuleDict(heads)
        self.answering: dict[str, Head] = dict(heads)
        rates = torch.tensor([modality_dropout[name] for name in branches])
        self.register_buffer("rates", rates, persistent=False)

    def forward(self, batch: Batch) -> Output:
        present = torch.stack([batch.present(name) for name in self.branches], dim=1)
        encoded = {name: encode(branch, batch.inputs[name]) for name, branch in self.branches.items()}
        shown = self.withhold(present)
        seen = self.stand_ins(encoded, shown)
        fused = self.fusion(seen)
        # Heads of slices read what was encoded: a modality withheld from the fusion still labels its own images. Heads
        # of studies read what the study is shown.
        real = self.stand_ins(encoded, present)
        logits = {
            name: head(seen if head.level == "study" else real, fused, batch) for name, head in self.answering.items()
        }
        return Output(features=seen, present=shown, fused=fused, logits=logits, boxes=moved_boxes(batch, encoded))

    def withhold(self, present: Bool[Tensor, "b m"]) -> Bool[Tensor, "b m"]:
        return draw_shown(present, self.rates) if self.training else present


def moved_boxes(batch: Batch, encoded: Mapping[str, Features]) -> dict[str, Boxes]:
    """The boxes of the batch where augmentation put them."""
    found = dict(batch.boxes)
    for name, seen in encoded.items():
        if seen.moves is not None and name in found:
            packed = batch.inputs[name]
            height, width = packed.values.shape[-2:]
            found[name] = move_boxes(found[name], seen.moves, packed.lengths, height, width)
    return found


def encode(branch: nn.Module, packed: Packed) -> Features:
    """Runs a branch; where no study of the batch has its modality, on one blank item that belongs to none."""
    if len(packed.values):
        return branch(packed)
    lengths = packed.lengths.clone()
    lengths[0] = 1
    places = None if packed.places is None else packed.places.new_zeros(1)
    blank = Packed(packed.values.new_zeros((1, *packed.values.shape[1:])), lengths, places)
    with frozen_statistics(branch):
        return branch(blank)


@contextmanager
def frozen_statistics(module: nn.Module) -> Iterator[None]:
    """Batch norms in evaluation for a while, so that a blank image leaves no trace in their statistics."""
    norms = [m for m in module.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm) and m.training]
    for norm in norms:
        norm.eval()
    try:
        yield
    finally:
        for norm in norms:
            norm.train()


def trainable(model: nn.Module) -> list[tuple[str, Float[Tensor, "..."]]]:
    """The parameters that an optimizer may move, by name."""
    return [(name, p) for name, p in model.named_parameters() if p.requires_grad]
