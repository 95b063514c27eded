"""Studies of several stores as one: those that taught a run, and behind them a second cohort under the run's names.

What scores a model, fits its baselines and describes studies takes one store, whatever it is made of. Nothing is
copied: a row is read where it lies.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float, Float32, Int, Shaped

from mmdx.data.cohorts.names import Names
from mmdx.data.splits.splits import Splits
from mmdx.data.store.kinds import STORED
from mmdx.data.store.layout import Layout
from mmdx.data.store.store import Store
from mmdx.data.store.stored import StoredStudy
from mmdx.study import READING, Split

Described = Mapping[str, Sequence[Float32[np.ndarray, "_ _"]]]
"""By modality, the descriptors of each study of a part, which are read in place of its images."""


@dataclass(frozen=True)
class Part:
    """Some rows of a store, in this order, and what the store calls what is joined.

    `described` has one array per row, of modalities that the store holds as images.
    """

    store: Store
    rows: Sequence[int]
    names: Names
    described: Described = field(default_factory=dict)

    def columns(self, findings: Sequence[str]) -> list[int]:
        """The places of `findings` in the label rows of the store, -1 for one that it lacks."""
        held = self.store.findings
        return [held.index(self.names.findings[name]) if name in self.names.findings else -1 for name in findings]


def picked(labels: Float[np.ndarray, "n f"], columns: Sequence[int]) -> Float32[np.ndarray, "n k"]:
    """Columns of label rows; one called -1 is unknown throughout."""
    unknown = np.full((len(labels), 1), np.nan, dtype=np.float32)
    return np.concatenate([labels, unknown], axis=1, dtype=np.float32)[:, list(columns)]


class JoinedStudy(StoredStudy):
    """A study of a part, under the names of the joined store."""

    def __init__(self, study: StoredStudy, part: Part, place: int, layout: Layout) -> None:
        self._study, self._part, self._place, self._layout = study, part, place, layout

    @cached_property
    def study_id(self) -> str:
        return self._study.study_id

    @cached_property
    def patient_id(self) -> str:
        return self._study.patient_id

    def items(self, modality: str) -> Shaped[np.ndarray, "n *shape"]:
        if modality in self._part.described:
            return self._part.described[modality][self._place]
        if (name := self._part.names.modalities.get(modality)) is not None:
            return self._study.items(name)
        facts = self._layout.modalities[modality]
        shape, dtype = STORED[facts.kind].item(facts, self._layout.size)
        return np.empty((0, *shape), dtype=dtype)

    def text(self, modality: str) -> str | None:
        name = self._part.names.modalities.get(modality)
        return None if name is None else self._study.text(name)

    def labels(self) -> Float[np.ndarray, " f"]:
        return picked(self._study.labels()[None], self._part.columns(self.findings))[0]

    def slice_labels(self, modality: str) -> Float[np.ndarray, "n f"]:
        name = self._part.names.modalities.get(modality)
        if name is None:
            return np.empty((0, len(self.findings)), dtype=np.float32)
        return picked(self._study.slice_labels(name), self._part.columns(self.findings))

    def traits(self) -> dict[str, str | float]:
        """Those of the study; what readers said is of the findings of the run."""
        ours = {theirs: name for name, theirs in self._part.names.findings.items()}
        return {_renamed(name, ours): value for name, value in self._study.traits().items()}

    def spacing(self, modality: str) -> float | None:
        name = self._part.names.modalities.get(modality)
        return None if name is None else self._study.spacing(name)

    def boxes(self) -> list[dict[str, Any]]:
        """Those of findings and modalities that are joined."""
        findings, modalities = (
            {theirs: ours for ours, theirs in pairs.items()}
            for pairs in (self._part.names.findings, self._part.names.modalities)
        )
        return [
            {**box, "finding": findings[box["finding"]], "modality": modalities[box["modality"]]}
            for box in self._study.boxes()
            if box["finding"] in findings and box["modality"] in modalities
        ]


def _renamed(trait: str, ours: Mapping[str, str]) -> str:
    """`reading/R1/THEIRS` as `reading/R1/OURS`; any other trait as it is."""
    if not trait.startswith(READING):
        return trait
    reader, _, finding = trait.removeprefix(READING).partition("/")
    return f"{READING}{reader}/{ours.get(finding, finding)}"


class JoinedStore(Store):
    """The rows of `parts`, one part after the other, with the `modalities` and `findings` of a run.

    A modality or a finding that a part lacks is absent from its studies, or unknown. The last part is the cohort that
    is scored: `folder` and `description` are those of its store.
    """

    def __init__(self, parts: Sequence[Part], layout: Layout) -> None:
        self.parts = tuple(parts)
        self.folder, self.description = parts[-1].store.folder, parts[-1].store.description
        self.layout = layout
        self._starts = np.cumsum([0, *(len(part.rows) for part in parts)])

    def __reduce__(self) -> tuple[type[Store], tuple[Any, ...]]:
        return JoinedStore, (self.parts, self.layout)

    def __len__(self) -> int:
        return int(self._starts[-1])

    @cached_property
    def study_ids(self) -> list[str]:
        return [part.store.study_ids[row] for part in self.parts for row in part.rows]

    @cached_property
    def patient_ids(self) -> list[str]:
        return [part.store.patient_ids[row] for part in self.parts for row in part.rows]

    @property
    def labels(self) -> Float[np.ndarray, "n f"]:
        return self._labels

    @cached_property
    def _labels(self) -> Float32[np.ndarray, "n f"]:
        return np.concatenate(
            [picked(part.store.labels[list(part.rows)], part.columns(self.findings)) for part in self.parts]
        )

    @cached_property
    def splits(self) -> Splits:
        """The last part is what is scored, and what stands before it what was learned from."""
        learned = int(self._starts[-2])
        words: list[Split] = ["train" if row < learned else "test" for row in range(len(self))]
        return Splits(tuple(words), tuple(self.patient_ids))

    @property
    def fingerprint(self) -> str:
        """Tells these studies under these names from all others."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        parts = [
            [part.store.fingerprint, list(part.rows), dict(part.names.findings), dict(part.names.modalities)]
            for part in self.parts
        ]
        return hashlib.blake2b(json.dumps(parts).encode(), digest_size=16).hexdigest()

    def lengths(self, modality: str) -> Int[np.ndarray, "n"]:
        by_part = [np.zeros(0, dtype=np.int64)]
        for part in self.parts:
            name = part.names.modalities.get(modality)
            lengths = np.zeros(len(part.rows), dtype=np.int64)
            by_part.append(lengths if name is None else part.store.lengths(name)[list(part.rows)])
        return np.concatenate(by_part)

    def order_source(self, row: int, modality: str) -> str | None:
        part, place = self._part_of(row)
        name = part.names.modalities.get(modality)
        return None if name is None else part.store.order_source(part.rows[place], name)

    def read(self, row: int) -> StoredStudy:
        part, place = self._part_of(row)
        return JoinedStudy(part.store.read(part.rows[place]), part, place, self.layout)

    def _part_of(self, row: int) -> tuple[Part, int]:
        """The part that a row is of, and its place there."""
        number = int(np.searchsorted(self._starts, row, side="right")) - 1
        return self.parts[number], row - int(self._starts[number])
