"""Text in a store: one column, null where a study has none."""

from __future__ import annotations

from typing import Any

import numpy as np

from mmdx.data.store.kinds.base import STORED, Cells, Item, ModalityFacts, Slot, StoredKind, text_column
from mmdx.study import Study


@STORED("text")
class StoredText(StoredKind):
    """As the reader gave it; a batch holds the tokens that a tokenizer makes of it."""

    def facts(self, value: str) -> ModalityFacts:
        return ModalityFacts("text")

    def content(self, facts: ModalityFacts) -> str:
        return "text"

    def problems(self, name: str, value: str) -> list[str]:
        return [] if value.strip() else [f"modality '{name}' is empty text; leave it out where there is none"]

    def columns(self, name: str, facts: ModalityFacts) -> dict[str, Any]:
        return {name: text_column()}

    def encode(self, study: Study, slot: Slot) -> Cells:
        value = study.modalities.get(slot.name)
        return Cells({slot.name: value if isinstance(value, str) and value.strip() else None})

    def item(self, facts: ModalityFacts, size: int) -> Item:
        return (), np.dtype("int64")
