"""One study becomes a Sample: the same rule for a study of a store and for raw files, in training and in prediction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int, Shaped

from mmdx.batch import Sample
from mmdx.data.loading.reading import Reading
from mmdx.data.loading.traits import Table, Traits
from mmdx.data.text.redaction import redacted
from mmdx.data.text.tokenizer import ReportTokenizer
from mmdx.files import CORNERS
from mmdx.kinds import KINDS, Kind
from mmdx.schema import ReportOptions

WHOLE = ReportOptions()
"""Reports as they are."""
AS_CERTIFIED = Reading()
"""All images, in the order that their certificate gives."""
NONE_ENCODED: Mapping[str, Float[np.ndarray, "_ _"]] = MappingProxyType({})


@runtime_checkable
class StudySource(Protocol):
    """Where the arrays and texts of one study come from: `StoredStudy`, or files that were decoded."""

    @property
    def study_id(self) -> str: ...

    @property
    def patient_id(self) -> str: ...

    @property
    def findings(self) -> Sequence[str]:
        """The columns of `labels` and `slice_labels`."""
        ...

    def items(self, modality: str) -> Shaped[np.ndarray, "n *shape"]:
        """Pixels or descriptors in certified order; n is 0 where the modality is absent."""
        ...

    def text(self, modality: str) -> str | None: ...

    def traits(self) -> Traits: ...

    def labels(self) -> Float[np.ndarray, " f"]: ...

    def slice_labels(self, modality: str) -> Float[np.ndarray, "n f"]:
        """One row per item; n is 0 where nobody labelled them."""
        ...

    def spacing(self, modality: str) -> float | None:
        """mm between neighbouring items along the normal, None where that is not known."""
        ...

    def boxes(self) -> Sequence[Mapping[str, Any]]: ...


@dataclass(frozen=True)
class Written:
    """A text that a head writes: what of the report it is, and the tokenizer of its words."""

    tokenizer: ReportTokenizer
    reports: ReportOptions


@dataclass(frozen=True)
class SampleMaker:
    """How a study is read: the modalities in `kinds`, each with the name of its kind, and the labels of `findings`.

    `tokenizers` are those of texts and `tables` read traits, by modality. `reading` says which images are read and in
    which order; their labels, boxes and places follow them. `reports` is what of a report is read: one of which nothing
    is left is absent. `writes` are texts to be written, by modality, whether they are read or not.
    """

    kinds: Mapping[str, str]
    findings: Sequence[str] = ()
    tokenizers: Mapping[str, ReportTokenizer] = field(default_factory=dict)
    tables: Mapping[str, Table] = field(default_factory=dict)
    reading: Reading = AS_CERTIFIED
    reports: ReportOptions = WHOLE
    writes: Mapping[str, Written] = field(default_factory=dict)

    def __call__(self, study: StudySource, encoded: Mapping[str, Float[np.ndarray, "_ _"]] = NONE_ENCODED) -> Sample:
        """The study as arrays. A modality that it lacks has no entry, or no row, in the inputs.

        `encoded` are the descriptors of all images of a modality, which are read in place of its pixels.
        """
        columns = [study.findings.index(finding) for finding in self.findings]
        inputs: dict[str, np.ndarray] = {}
        sliced: dict[str, _Sliced] = {}
        for name, kind in self.kinds.items():
            if KINDS[kind].made:
                inputs[name] = self.tables[name](study.traits())
            elif KINDS[kind].worded:
                if text := redacted(study.text(name) or "", self.reports):
                    inputs[name] = self.tokenizers[name](text)
            else:
                items = encoded[name] if name in encoded else study.items(name)
                inputs[name], sliced[name] = self._read(study, name, items, columns)
        return Sample(
            study_id=study.study_id,
            patient_id=study.patient_id,
            inputs=inputs,
            labels=study.labels()[columns],
            slice_labels={name: part.labels for name, part in sliced.items()},
            places={name: part.places for name, part in sliced.items()},
            boxes={name: part.boxes for name, part in sliced.items()},
            slice_numbers={name: part.numbers for name, part in sliced.items()},
            targets={
                name: written.tokenizer(redacted(study.text(name) or "", written.reports))
                for name, written in self.writes.items()
            },
        )

    def _reading_of(self, kind: Kind) -> Reading:
        """How the items of a kind are read. What an experiment leaves out or moves is slices: other items stay."""
        if kind.pictured:
            return self.reading
        return self.reading.of_descriptors() if kind.sliced else AS_CERTIFIED

    def _read(
        self, study: StudySource, name: str, items: Shaped[np.ndarray, "n *shape"], columns: Sequence[int]
    ) -> tuple[np.ndarray, _Sliced]:
        """Of all items of a modality those that are read, and what stands beside each."""
        reading, labels = self._reading_of(KINDS[self.kinds[name]]), study.slice_labels(name)
        if not len(labels):
            labels = np.full((len(items), len(study.findings)), np.nan, dtype=np.float32)
        numbers = reading.numbers(len(items), study.study_id)
        # Bytes are copied once, into the batch, where nothing is left out or moved.
        in_order = np.array_equal(numbers, np.arange(len(items)))
        places = reading.places(numbers, len(items), study.spacing(name))
        boxes = self._boxes(study, name, numbers)
        return items if in_order else items[numbers], _Sliced(labels[numbers][:, columns], places, boxes, numbers)

    def _boxes(self, study: StudySource, modality: str, numbers: Int[np.ndarray, " n"]) -> Float[np.ndarray, "k 6"]:
        """The boxes of the findings and images that a Sample holds."""
        boxes = [box for box in study.boxes() if box["modality"] == modality and box["finding"] in self.findings]
        if not boxes:
            return np.empty((0, 6), dtype=np.float32)
        place = {image: index for index, image in enumerate(numbers.tolist())}
        rows = [
            [place[box["image"]], self.findings.index(box["finding"]), *(box[corner] for corner in CORNERS)]
            for box in boxes
            if box["image"] in place
        ]
        return np.array(rows, dtype=np.float32).reshape(-1, 6)


@dataclass(frozen=True)
class _Sliced:
    """What stands beside the items of one modality, one row per item (of `boxes`: per box)."""

    labels: Float[np.ndarray, "n f"]
    places: Float[np.ndarray, " n"]
    boxes: Float[np.ndarray, "k 6"]
    numbers: Int[np.ndarray, " n"]
