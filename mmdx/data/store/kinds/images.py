"""Images in a store: pixels `[n c size size]`, int16 Hounsfield units or uint8 intensities."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from mmdx.data.images.decode import decode
from mmdx.data.store.kinds.base import STORED, DecodedItems, Item, ModalityFacts, StoredItems
from mmdx.study import ImageFiles

PIXEL_TYPES: dict[str, str] = {"HU": "int16", "intensity": "uint8"}
_CONTENTS = {"HU": "images in Hounsfield units", "intensity": "images of plain intensities"}


@STORED("images")
class StoredImages(StoredItems):
    """Letter-boxed to a square, all of one unit; grey beside colour is stored in colour."""

    noun = "images"

    def facts(self, value: ImageFiles) -> ModalityFacts:
        return ModalityFacts("images", value.unit, value.channels)

    def content(self, facts: ModalityFacts) -> str:
        return _CONTENTS[facts.unit]

    def problems(self, name: str, value: ImageFiles) -> list[str]:
        count = len(value.images)
        if count == 0:
            return [f"modality '{name}' has no images; leave it out where there are none"]
        beyond = [i for i in (*value.order.gaps, *value.order.duplicates) if not 0 <= i < count]
        return [f"the order of '{name}' points at image {beyond[0]}, of {count}; count from 0"] if beyond else []

    def decode(self, value: ImageFiles, facts: ModalityFacts, size: int) -> DecodedItems:
        decoded = decode(replace(value, channels=facts.channels), size)
        return DecodedItems(decoded.pixels, decoded.letterboxes, decoded.flat)

    def item(self, facts: ModalityFacts, size: int) -> Item:
        return (facts.channels, size, size), np.dtype(PIXEL_TYPES[facts.unit])

    def count(self, value: ImageFiles) -> int:
        return len(value.images)

    def stored_bytes(self, value: ImageFiles, facts: ModalityFacts, size: int) -> int:
        shape, dtype = self.item(facts, size)
        return len(value.images) * math.prod(shape) * dtype.itemsize
