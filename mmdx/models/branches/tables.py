"""The branch of tables, which are made of traits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmdx.batch import Features, Packed
from mmdx.models.branches.base import Branch, projection
from mmdx.models.facts import InputFacts
from mmdx.models.heads.base import BranchSizes
from mmdx.models.packing import item_mask, pad
from mmdx.models.tabular import TableEncoder
from mmdx.registry import BRANCHES, TABLE_ENCODERS
from mmdx.schema import InputConfig


@BRANCHES("tabular")
class TableBranch(Branch):
    """Encoder of a study's row, which is its one item, and projection."""

    encoders = TABLE_ENCODERS

    def __init__(self, encoder: TableEncoder, dim: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.project = projection(encoder.dim, dim)
        self.sizes = BranchSizes("tabular", items=encoder.dim)

    @classmethod
    def build(
        cls, section: InputConfig, facts: InputFacts, *, dim: int, where: str
    ) -> tuple[Branch, Mapping[str, Any]]:
        return cls(TABLE_ENCODERS.build(section.encoder, f"{where}.encoder", columns=facts.columns), dim), {}

    def forward(self, packed: Packed) -> Features:
        mask = item_mask(packed.lengths, packed.values)
        items = pad(self.encoder(packed.values), mask)
        return Features(items=items, mask=mask, pooled=self.project(items[:, 0]))

    def has_plain(self) -> bool:
        return True

    def plain(self, packed: Packed, features: Features) -> Packed | None:
        return packed
