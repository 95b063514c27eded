"""A plugin with a kind of modality of its own, on the side of the data: signals of several leads over time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from mmdx.data.store.kinds.base import STORED, DecodedItems, Item, ModalityFacts, StoredItems
from mmdx.kinds import KINDS, Kind
from mmdx.study import ModalityFiles, Order

KINDS.add(Kind("test_signals"))


@dataclass(frozen=True)
class SignalFiles(ModalityFiles):
    """One `.npy` file `[t leads]`; an item is one point in time."""

    kind: ClassVar[str] = "test_signals"
    file: Path
    leads: int
    hertz: int
    order: Order | None = None

    @property
    def paths(self) -> tuple[Path, ...]:
        return (self.file,)


@STORED("test_signals")
class StoredSignals(StoredItems):
    """Signals of one sampling rate, as float32."""

    noun = "points in time"

    def facts(self, value: SignalFiles) -> ModalityFacts:
        return ModalityFacts("test_signals", width=value.leads, details=(("hertz", value.hertz),))

    def content(self, facts: ModalityFacts) -> str:
        return f"signals of {facts.width} leads at {facts.detail('hertz')} Hz"

    def problems(self, name: str, value: SignalFiles) -> list[str]:
        return [] if value.leads else [f"modality '{name}' has no leads; leave it out"]

    def decode(self, value: SignalFiles, facts: ModalityFacts, size: int) -> DecodedItems:
        return DecodedItems(np.load(value.file).astype(np.float32))

    def item(self, facts: ModalityFacts, size: int) -> Item:
        return (facts.width,), np.dtype("float32")
