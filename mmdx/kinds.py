"""What a kind of modality is. This is the one place that says it: everything else asks a `Kind`, never for its name.

A kind of one's own is registered here by a plugin (`KINDS.add`), with how it lies in a store
(`mmdx.data.store.kinds`) and the branch of a model that reads it (`mmdx.registry.BRANCHES`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mmdx.errors import UsageError, did_you_mean


@dataclass(frozen=True)
class Kind:
    """One kind of modality, by the `name` that stores and model folders keep.

    `sliced`: its items are slices of a study, or descriptors of slices. They stand in an order with a certificate, and
    labels, boxes and predictions of slices are of them. `pictured`: its items are images. They are decoded, windowed,
    augmented and drawn, and count against `train.slices`. `worded`: it is text. `made`: no file holds it; it is made of
    traits (`data.tables`).
    """

    name: str
    sliced: bool = False
    pictured: bool = False
    worded: bool = False
    made: bool = False


class Kinds(Mapping[str, Kind]):
    """The kinds that are known, by name."""

    def __init__(self, *kinds: Kind) -> None:
        self._kinds = {kind.name: kind for kind in kinds}

    def add(self, kind: Kind) -> Kind:
        """Registers a kind. Raises `UsageError` where the name is taken."""
        if kind.name in self._kinds:
            raise UsageError(f"kind '{kind.name}' is registered twice; rename one")
        self._kinds[kind.name] = kind
        return kind

    def __getitem__(self, name: str) -> Kind:
        if name not in self._kinds:
            raise UsageError(
                f"no kind of modality is called '{name}'; {did_you_mean(name, self._kinds)}; a plugin may be missing"
            )
        return self._kinds[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._kinds)

    def __len__(self) -> int:
        return len(self._kinds)


IMAGES = Kind("images", sliced=True, pictured=True)
VECTORS = Kind("vectors", sliced=True)
TEXT = Kind("text", worded=True)
TABULAR = Kind("tabular", made=True)
KINDS = Kinds(IMAGES, VECTORS, TEXT, TABULAR)
