"""Which images of a study are read, and in which order: all as certified, or as an experiment asks."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Int

from mmdx.schema import DataConfig, SliceOrder


@dataclass(frozen=True)
class Reading:
    """How the images of a study are read.

    The share `dropped` of them is left out (one always stays), of the rest at most `most` are kept, evenly spaced, and
    these stand in `order`: as certified, `reversed` or `shuffled`. What is drawn depends on the study's id and `seed`
    alone, so that it is the same in every epoch, process and batch; modalities of equally many images are drawn alike.
    """

    order: SliceOrder = "certified"
    dropped: float = 0.0
    most: int | None = None
    seed: int = 0

    @classmethod
    def of(cls, data: DataConfig, seed: int) -> Reading:
        return cls(data.order, data.drop_images, data.max_images, seed)

    def of_descriptors(self) -> Reading:
        """How descriptors are read: as images are, and as many as there are."""
        return replace(self, most=None)

    def count(self, images: int) -> int:
        """How many of so many images are read."""
        left = self._left(images)
        return left if self.most is None else min(left, self.most)

    def numbers(self, images: int, study_id: str) -> Int[np.ndarray, "n"]:
        """The images that are read, by their 0-based place in the certified order, as they are read."""
        numbers = np.arange(images)
        if self.dropped:
            numbers = np.sort(self._draw(study_id, "dropped").permutation(numbers)[: self._left(images)])
        numbers = numbers[evenly(len(numbers), self.most)]
        if self.order == "shuffled":
            return self._draw(study_id, "shuffled").permutation(numbers)
        return numbers[::-1].copy() if self.order == "reversed" else numbers

    def places(self, numbers: Int[np.ndarray, "n"], images: int, spacing: float | None) -> Float[np.ndarray, "n"]:
        """Where these images stand, in mm from the first along the normal: of a reversed study, from its last against
        the normal, as if it lay so; NaN where the spacing is not known, or shuffling has forgotten it."""
        if not spacing or self.order == "shuffled":
            return np.full(len(numbers), np.nan, np.float32)
        steps = images - 1 - numbers if self.order == "reversed" else numbers
        return (steps * spacing).astype(np.float32)

    def evidence(self, source: str) -> str:
        """The source of an order certificate, as it holds for images that are read so."""
        return {"certified": source, "shuffled": "unknown", "reversed": f"{source} reversed"}[self.order]

    def _left(self, images: int) -> int:
        return max(min(1, images), images - round(self.dropped * images))

    def _draw(self, study_id: str, what: str) -> np.random.Generator:
        digest = hashlib.blake2b(f"{what} {self.seed} {study_id}".encode(), digest_size=16).digest()
        return np.random.default_rng(int.from_bytes(digest))


def evenly(count: int, most: int | None) -> slice | np.ndarray:
    """Which of `count` images stay when at most `most` may: the middle one of each of `most` equal parts."""
    if most is None or count <= most:
        return slice(None)
    return (2 * np.arange(most) + 1) * count // (2 * most)
