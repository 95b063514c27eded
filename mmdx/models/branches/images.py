"""The branch of images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mmdx.batch import Features, Packed
from mmdx.models.augment import StudyAugment
from mmdx.models.branches.base import Branch, in_sequence, projection
from mmdx.models.facts import InputFacts
from mmdx.models.heads.base import BranchSizes
from mmdx.models.image import ImageEncoder
from mmdx.models.packing import with_neighbours
from mmdx.models.sequence.base import SequenceModel
from mmdx.models.views import View
from mmdx.registry import BRANCHES, IMAGE_ENCODERS, IMAGE_VIEWS, SEQUENCES
from mmdx.schema import Component, InputConfig


@BRANCHES("images")
class ImageBranch(Branch):
    """View, augmentation, encoder of each image, sequence model over them, projection.

    The encoder sees each image with `neighbours` images on either side as further channels.
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

    def with_maps(self, packed: Packed, count: int) -> Features:
        images, moves = self.augment(self.view(packed.values), packed.lengths)
        if self.neighbours:
            images = with_neighbours(images, packed.lengths, self.neighbours)
        vectors, maps = self.encoder.with_maps(images, count) if count else (self.encoder(images), ())
        features = in_sequence(self.sequence, vectors, packed)
        return replace(features, pooled=self.project(features.pooled), maps=maps, moves=moves)


def _default_view(facts: InputFacts) -> Component:
    return Component(type="windows" if facts.unit == "HU" else "rgb" if facts.channels == 3 else "grey")
