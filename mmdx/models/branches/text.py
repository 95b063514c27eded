"""The branch of text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mmdx.batch import Features, Packed
from mmdx.models.branches.base import Branch, projection
from mmdx.models.facts import InputFacts
from mmdx.models.heads.base import BranchSizes
from mmdx.models.text.words import TextEncoder
from mmdx.registry import BRANCHES, TEXT_ENCODERS
from mmdx.schema import InputConfig


@BRANCHES("text")
class TextBranch(Branch):
    """Text encoder and projection."""

    encoders = TEXT_ENCODERS

    def __init__(self, encoder: TextEncoder, dim: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.project = projection(encoder.dim, dim)
        self.sizes = BranchSizes("text", items=encoder.item_dim)

    @classmethod
    def build(
        cls, section: InputConfig, facts: InputFacts, *, dim: int, where: str
    ) -> tuple[Branch, Mapping[str, Any]]:
        available = {
            "vocabulary": facts.vocabulary,
            "architecture": facts.architecture,
            "idf": facts.idf,
            "terms": facts.terms,
        }
        sizes = {size: available[size] for size in TEXT_ENCODERS.sizes(section.encoder.type)}
        encoder = TEXT_ENCODERS.build(section.encoder, f"{where}.encoder", **sizes)
        return cls(encoder, dim), encoder.architecture

    def pretrained_layers(self) -> Mapping[str, int]:
        return {f"encoder.{name}": layer for name, layer in self.encoder.pretrained_layers().items()}

    def forward(self, packed: Packed) -> Features:
        features = self.encoder(packed.values, packed.lengths)
        return replace(features, pooled=self.project(features.pooled))

    def has_plain(self) -> bool:
        return True

    def plain(self, packed: Packed, features: Features) -> Packed | None:
        return packed
