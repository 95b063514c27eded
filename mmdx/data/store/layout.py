"""What the rows of a store hold.

Columns: `study_id`, `patient_id`, `split` (as given, or null), `labels [f]`, `traits`, `problems`, `boxes` (JSON), and
those of each modality, which its kind names (`kinds/`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import pyarrow as pa

from mmdx.data.store.kinds import STORED, ModalityFacts
from mmdx.data.store.kinds.base import Slot, numbers_column, text_column
from mmdx.errors import DataError
from mmdx.study import Modality, Study, kind_name

RESERVED = ("study_id", "patient_id", "split", "labels", "traits", "problems", "boxes")


@dataclass(frozen=True)
class Layout:
    """What the rows of a store hold: its modalities, its findings in order, the side of an image in pixels.

    `stacks` are image modalities that are read beside them, each made of others as its channels (`stacks.py`).
    """

    modalities: Mapping[str, ModalityFacts]
    findings: tuple[str, ...]
    size: int
    stacks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def features(self) -> Any:
        """The columns in the terms of Hugging Face `datasets`: `Features`."""
        from datasets import Features

        columns: dict[str, Any] = dict.fromkeys(RESERVED, text_column()) | {"labels": numbers_column()}
        for name, facts in self.modalities.items():
            columns |= STORED[facts.kind].columns(name, facts)
        return Features(columns)

    @cached_property
    def schema(self) -> pa.Schema:
        """The columns in the terms of Arrow."""
        return self.features().arrow_schema

    @property
    def readable(self) -> dict[str, ModalityFacts]:
        """What can be read of a study: the modalities, and behind them the stacks, whose details say how many channels
        each of their modalities has."""
        return {**self.modalities, **{name: self._stack(parts) for name, parts in self.stacks.items()}}

    def _stack(self, parts: Sequence[str]) -> ModalityFacts:
        channels = {part: self.modalities[part].channels for part in parts}
        facts = self.modalities[parts[0]]
        return replace(facts, channels=sum(channels.values()), details=tuple(channels.items()))

    def parts(self, modality: str) -> tuple[str, ...]:
        """The stored modalities that one is read from: those of a stack, or itself."""
        return self.stacks.get(modality, (modality,))

    def slot(self, modality: str) -> Slot:
        return Slot(modality, self.modalities[modality], self.size, self.findings)


def layout_of(studies: Sequence[Study], *, size: int) -> Layout:
    """The layout that holds all of `studies`; findings in the order of their first appearance.

    Where one name stands for text here and images there, for Hounsfield units here and plain intensities there, or for
    vectors of two widths, what most studies hold counts, the first of them among equals; `write_shard` refuses the
    others. A modality with both grey and colour images is stored in colour. Raises `DataError` for a name that cannot
    be a column.
    """
    shares: dict[str, Counter[ModalityFacts]] = {}
    findings: dict[str, None] = {}
    for study in studies:
        findings |= dict.fromkeys(study.labels)
        for labels in study.slice_labels.values():
            findings |= dict.fromkeys(labels)
        for name, value in study.modalities.items():
            if name in RESERVED or "." in name or "+" in name:
                raise DataError(f"modality '{name}': the name is taken or holds '.' or '+'; choose another")
            shares.setdefault(name, Counter())[facts_of(value)] += 1
    return Layout({name: _common(share) for name, share in shares.items()}, tuple(findings), size)


def facts_of(value: Modality) -> ModalityFacts:
    """The facts of one study's value."""
    return STORED[kind_name(value)].facts(value)


def content_of(facts: ModalityFacts) -> str:
    """What must be one and the same in all studies, in words."""
    return STORED[facts.kind].content(facts)


def stored_bytes(study: Study, layout: Layout) -> int:
    """What the images of a study will take in a shard."""
    sizes = (
        STORED[kind_name(value)].stored_bytes(value, layout.modalities[name], layout.size)
        for name, value in study.modalities.items()
    )
    return sum(sizes)


def _common(share: Counter[ModalityFacts]) -> ModalityFacts:
    """What the most studies hold of a modality, with the channels of the most colourful of them."""
    alike: dict[str, list[ModalityFacts]] = {}
    for facts in share:
        alike.setdefault(content_of(facts), []).append(facts)
    most = max(alike.values(), key=lambda group: sum(share[facts] for facts in group))
    return max(most, key=lambda facts: facts.channels)
