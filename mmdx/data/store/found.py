"""Studies as a reader found them, asked as a store is before one is prepared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from mmdx.data.splits.splits import Splits
from mmdx.data.store.layout import Layout
from mmdx.data.store.store import Store
from mmdx.study import ModalityFiles, Study


class FoundStudy:
    """What is known of a study before its files are decoded: texts, traits, labels."""

    def __init__(self, study: Study, findings: tuple[str, ...]) -> None:
        self._study, self.findings = study, findings

    def text(self, modality: str) -> str | None:
        value = self._study.modalities.get(modality)
        return value if isinstance(value, str) else None

    def traits(self) -> dict[str, str | float]:
        return dict(self._study.traits)

    def slice_labels(self, modality: str) -> Float[np.ndarray, "n f"]:
        """Labels by image; n is 0 where the data set has none for this study."""
        labels = self._study.slice_labels.get(modality, {})
        count = max(map(len, labels.values()), default=0)
        columns = [labels.get(finding, (np.nan,) * count) for finding in self.findings]
        return np.array(columns, dtype=np.float32).reshape(len(self.findings), count).T


class FoundStore(Store):
    """The store that would be made of `studies`, each of which can be read: all but pixels, descriptors and orders.

    `folder` is where errors say that the studies are: the raw files.
    """

    def __init__(self, studies: Sequence[Study], layout: Layout, splits: Splits, folder: Path) -> None:
        self.folder, self.layout, self.description = folder, layout, {}
        self._found, self._dealt = list(studies), splits

    def stacked(self, stacks: Mapping[str, tuple[str, ...]]) -> FoundStore:
        """The same with stacks of modalities that it has."""
        return FoundStore(self._found, replace(self.layout, stacks=dict(stacks)), self._dealt, self.folder)

    def __len__(self) -> int:
        return len(self._found)

    @cached_property
    def study_ids(self) -> list[str]:
        return [study.study_id for study in self._found]

    @cached_property
    def patient_ids(self) -> list[str]:
        return [study.patient_id for study in self._found]

    @cached_property
    def labels(self) -> Float[np.ndarray, "n f"]:  # pyright: ignore
        rows = [[study.labels.get(finding, np.nan) for finding in self.findings] for study in self._found]
        return np.array(rows, dtype=np.float32).reshape(len(rows), len(self.findings))

    @cached_property
    def splits(self) -> Splits:
        return self._dealt

    def lengths(self, modality: str) -> Int[np.ndarray, "n"]:
        """Files and frames a study, 0 where the modality is absent."""
        parts = [[_length(study, part) for study in self._found] for part in self.layout.parts(modality)]
        return np.min(np.array(parts, dtype=np.int64), axis=0)

    def read(self, row: int) -> FoundStudy:  # pyright: ignore[reportIncompatibleMethodOverride]
        return FoundStudy(self._found[row], self.findings)


def _length(study: Study, modality: str) -> int:
    value = study.modalities.get(modality)
    return len(value.refs) if isinstance(value, ModalityFiles) else 0
