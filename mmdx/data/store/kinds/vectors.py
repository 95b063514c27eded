"""Descriptors in a store: float32 `[n d]`, all of one width."""

from __future__ import annotations

import numpy as np

from mmdx.data.store.kinds.base import STORED, DecodedItems, Item, ModalityFacts, StoredItems
from mmdx.data.vectors import read_vectors
from mmdx.study import VectorFiles


@STORED("vectors")
class StoredVectors(StoredItems):
    """As their files hold them; how many there are is known once these are read."""

    noun = "descriptors"

    def facts(self, value: VectorFiles) -> ModalityFacts:
        return ModalityFacts("vectors", width=value.width)

    def content(self, facts: ModalityFacts) -> str:
        return f"vectors of width {facts.width}"

    def problems(self, name: str, value: VectorFiles) -> list[str]:
        return [] if value.files else [f"modality '{name}' has no descriptors; leave it out where there are none"]

    def decode(self, value: VectorFiles, facts: ModalityFacts, size: int) -> DecodedItems:
        return DecodedItems(read_vectors(value))

    def item(self, facts: ModalityFacts, size: int) -> Item:
        return (facts.width,), np.dtype("float32")
