"""The branch of descriptors that another model left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mmdx.batch import Features, Packed
from mmdx.models.branches.base import Branch, in_sequence, projection
from mmdx.models.facts import InputFacts
from mmdx.models.heads.base import BranchSizes
from mmdx.models.select import Affine
from mmdx.models.sequence.base import SequenceModel
from mmdx.models.vectors import VectorEncoder
from mmdx.registry import BRANCHES, SEQUENCES, VECTOR_ENCODERS
from mmdx.schema import InputConfig


@BRANCHES("vectors")
class VectorBranch(Branch):
    """Selection, encoder of each descriptor, sequence model over them, projection."""

    encoders = VECTOR_ENCODERS
    options = frozenset({"select", "sequence"})

    def __init__(
        self, encoder: VectorEncoder, sequence: SequenceModel, dim: int, *, select: Affine | None = None
    ) -> None:
        super().__init__()
        self.select, self.encoder, self.sequence = select, encoder, sequence
        self.minds_order = sequence.minds_order
        self.project = projection(sequence.dim, dim)
        self.sizes = BranchSizes("vectors", items=sequence.item_dim, vectors=encoder.dim)

    @classmethod
    def build(
        cls, section: InputConfig, facts: InputFacts, *, dim: int, where: str
    ) -> tuple[Branch, Mapping[str, Any]]:
        select, width = None, facts.width
        if section.select is not None and facts.selected is not None:
            select, width = Affine(width - facts.logits, facts.selected), facts.selected + facts.logits
        encoder = VECTOR_ENCODERS.build(section.encoder, f"{where}.encoder", width=width)
        sequence = SEQUENCES.build(section.sequence, f"{where}.sequence", width=encoder.dim)
        return cls(encoder, sequence, dim, select=select), {}

    def learns_vectors(self) -> bool:
        return self.select is not None or any(parameter.requires_grad for parameter in self.encoder.parameters())

    def forward(self, packed: Packed) -> Features:
        selected = packed.values if self.select is None else self.select(packed.values)
        features = in_sequence(self.sequence, self.encoder(selected), packed)
        return replace(features, pooled=self.project(features.pooled))

    def has_plain(self) -> bool:
        return True

    def plain(self, packed: Packed, features: Features) -> Packed | None:
        return packed
