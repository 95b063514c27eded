"""Which studies were answered, and from which images: what comes later must not be taken for a whole study."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Set
from enum import Enum

MOST_IMAGES = 500_000
"""Images that are remembered; the studies answered first are forgotten first."""


class Standing(Enum):
    """How the images of a study stand to those of an answer before."""

    NEW = "new"
    KNOWN = "known"
    PARTLY = "partly"


class Past:
    """Remembers digests alone, for as long as the process lives."""

    def __init__(self, most: int = MOST_IMAGES) -> None:
        self._answered: OrderedDict[bytes, frozenset[bytes]] = OrderedDict()
        self._most, self._count = most, 0

    def standing(self, study: bytes, images: Set[bytes]) -> Standing:
        """Whether a study is to be answered (`NEW`: nothing of it was, or all of that came again and more); else
        whether all of its images were (`KNOWN`), or some were not and others are missing (`PARTLY`)."""
        before = self._answered.get(study, frozenset())
        if images <= before:
            return Standing.KNOWN
        return Standing.NEW if before <= images else Standing.PARTLY

    def missing(self, study: bytes, images: Set[bytes]) -> int:
        """How many images of the answer before did not come again."""
        return len(self._answered.get(study, frozenset()) - images)

    def answered(self, study: bytes, images: Set[bytes]) -> None:
        """Keeps the images that an answer stands on."""
        self._count -= len(self._answered.pop(study, frozenset()))
        self._answered[study] = frozenset(images)
        self._count += len(images)
        while self._count > self._most and len(self._answered) > 1:
            self._count -= len(self._answered.popitem(last=False)[1])
