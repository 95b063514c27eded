"""A plugin with a kind of modality of its own, on the side of the data: signals of several leads over time.

`signal_branch.py` is the side of the model.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from mmdx.data.store.kinds.base import STORED, DecodedItems, Item, ModalityFacts, StoredItems
from mmdx.kinds import KINDS, Kind
from mmdx.registry import READERS
from mmdx.study import ModalityFiles, Order, Study

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


@READERS("test_signals")
def read(root: Path) -> list[Study]:
    """Signals of two leads as `write_signal` leaves them: of one patient each, with the label `flutter`."""
    studies = []
    for path in sorted(root.glob("*.npy")):
        name, hertz, label = path.stem.split("_")
        signal = SignalFiles(path, leads=2, hertz=int(hertz))
        report = path.with_suffix(".txt")
        text = {"report": report.read_text(encoding="utf-8")} if report.is_file() else {}
        studies.append(Study(name, f"patient of {name}", {"ecg": signal, **text}, {"flutter": float(label)}))
    return studies


def write_signal(root: Path, name: str, signal: np.ndarray, *, label: int, hertz: int = 250, report: str = "") -> None:
    """A study of the reader `test_signals`: the signal `[t leads]`, and a report where one is given."""
    root.mkdir(exist_ok=True)
    path = root / f"{name}_{hertz}_{label}.npy"
    np.save(path, signal)
    if report:
        path.with_suffix(".txt").write_text(report, encoding="utf-8")
