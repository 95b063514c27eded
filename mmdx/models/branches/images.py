"""The branch of images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from mmdx.batch import Features, Packed
from mmdx.models.augment import StudyAugment
from mmdx.models.branches.base import Branch, in_sequence, projection
from mmdx.models.facts import InputFacts
from mmdx.models.heads.base import BranchSizes
from mmdx.models.image import ImageEncoder
from mmdx.models.packing import unpad, with_neighbours
from mmdx.models.sequence.base import SequenceModel
from mmdx.models.views import View
from mmdx.registry import BRANCHES, IMAGE_ENCODERS, IMAGE_VIEWS, SEQUENCES
from mmdx.schema import Augment, Component, InputConfig

AT_ONCE = 32
"""Images that an encoder sees at once where it runs over a whole store."""


@BRANCHES("images")
class ImageBranch(Branch):
    """View, augmentation, encoder of each image, sequence model over them, projection.

    The encoder sees each image with `neighbours` images on either side as further channels. Images that a frozen
    encoder has seen before come as its vectors (`Packed.encoded`); then no feature map is at hand.
    """

    encoders = IMAGE_ENCODERS
    options = frozenset({"view", "neighbours", "augment", "sequence"})

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
        self.view, self.augment, self.neighbours = view, augment, neighbours
        self.minds_order = sequence.minds_order or neighbours > 0
        self.encoder, self.sequence = encoder, sequence
        self.project = projection(sequence.dim, dim)
        self.sizes = BranchSizes("images", items=sequence.item_dim, vectors=encoder.dim, maps=encoder.maps)

    @classmethod
    def build(
        cls, section: InputConfig, facts: InputFacts, *, dim: int, where: str
    ) -> tuple[Branch, Mapping[str, Any]]:
        view = IMAGE_VIEWS.build(section.view or _default_view(facts), f"{where}.view", stored=facts.channels)
        encoder = IMAGE_ENCODERS.build(
            section.encoder,
            f"{where}.encoder",
            channels=view.channels * (2 * section.neighbours + 1),
            architecture=facts.architecture,
        )
        sequence = SEQUENCES.build(section.sequence, f"{where}.sequence", width=encoder.dim)
        augment = StudyAugment(section.augment)
        return cls(view, augment, encoder, sequence, dim, neighbours=section.neighbours), encoder.architecture

    def forward(self, packed: Packed) -> Features:
        return self.with_maps(packed, 0)

    def learns_vectors(self) -> bool:
        return any(parameter.requires_grad for parameter in self.encoder.parameters())

    def has_plain(self) -> bool:
        return not self.learns_vectors()

    def plain(self, packed: Packed, features: Features) -> Packed | None:
        if not self.has_plain() or features.vectors is None:
            return None
        return replace(packed, values=unpad(features.vectors, features.mask))

    def repeats_itself(self) -> bool:
        """Whether an image gives the same vector whenever it is seen, in training too.

        Then nothing of view and encoder learns, nothing augments, and training leaves the encoder in evaluation.
        """
        parameters = (*self.view.parameters(), *self.encoder.parameters())
        if any(p.requires_grad for p in parameters) or self.augment.bounds != Augment():
            return False
        before = self.encoder.training
        self.encoder.train()
        draws = any(module.training for module in self.encoder.modules())
        self.encoder.train(before)
        return not draws

    def vectors_of(self, packed: Packed) -> Float[Tensor, "n v"]:
        """What the encoder gives for each image as it is; `AT_ONCE` images lie on the device in its layers."""
        return torch.cat([self.encoder(part) for part in self.images(packed).split(AT_ONCE)])

    def images(self, packed: Packed) -> Float[Tensor, "n k h w"]:
        """What the encoder sees of each image, unless it is augmented."""
        images = self.view(packed.values)
        return with_neighbours(images, packed.lengths, self.neighbours) if self.neighbours else images

    def pretrained_layers(self) -> Mapping[str, int]:
        return {f"encoder.{name}": layer for name, layer in self.encoder.pretrained_layers().items()}

    def with_maps(self, packed: Packed, count: int) -> Features:
        if packed.encoded:
            features = in_sequence(self.sequence, packed.values, packed)
            return replace(features, pooled=self.project(features.pooled))
        images, moves = self.augment(self.view(packed.values), packed.lengths)
        if self.neighbours:
            images = with_neighbours(images, packed.lengths, self.neighbours)
        vectors, maps = self.encoder.with_maps(images, count) if count else (self.encoder(images), ())
        features = in_sequence(self.sequence, vectors, packed)
        return replace(features, pooled=self.project(features.pooled), maps=maps, moves=moves)


def _default_view(facts: InputFacts) -> Component:
    if facts.unit == "HU":
        return Component(type="windows")
    return Component(type={1: "grey", 3: "rgb"}.get(facts.channels, "stacked"))
