"""Studies of a store become Samples, and Samples a Batch: bytes are moved, nothing is computed on pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.utils.data import Dataset

from mmdx.batch import Batch, Boxes, Packed, Sample
from mmdx.config import ReportOptions
from mmdx.data.loading.reading import Reading
from mmdx.data.loading.traits import Table
from mmdx.data.store.store import Store, StoredStudy
from mmdx.data.text.redaction import redacted
from mmdx.data.text.tokenizer import ReportTokenizer

WHOLE = ReportOptions()
"""Reports as they are."""
AS_CERTIFIED = Reading()
"""All images, in the order that their certificate gives."""


@dataclass(frozen=True)
class Written:
    """A text that a head writes: what of the report it is, and the tokenizer of its words."""

    tokenizer: ReportTokenizer
    reports: ReportOptions


class StudyDataset(Dataset[Sample]):
    """Some rows of a store as Samples: the modalities in `modalities`, the findings in `findings`, in that order.

    `shown` (all when None) limits what a Sample holds: a withheld modality is absent, as if the study never had it.
    `reading` says which images of a study are read and in which order; their labels, boxes and places follow them.
    `reports` is what of a report is read: one of which nothing is left is absent. `tables` read traits, each as the
    modality of its name. `writes` are the texts to be written, by modality, which no `shown` withholds.
    """

    def __init__(
        self,
        store: Store,
        rows: Sequence[int],
        *,
        modalities: Sequence[str],
        findings: Sequence[str],
        tokenizers: Mapping[str, ReportTokenizer],
        tables: Mapping[str, Table] | None = None,
        shown: Sequence[str] | None = None,
        reading: Reading = AS_CERTIFIED,
        reports: ReportOptions = WHOLE,
        writes: Mapping[str, Written] | None = None,
    ) -> None:
        self._store = store
        self._rows = list(rows)
        self._findings = list(findings)
        self._columns = store.columns_of(findings)
        self._tokenizers = tokenizers
        self._tables = tables or {}
        self._shown = [m for m in modalities if shown is None or m in shown]
        self._reading = reading
        self._reports = reports
        self._writes = dict(writes or {})

    def __len__(self) -> int:
        return len(self._rows)

    def images(self) -> list[int]:
        """How many images each study brings, over all shown modalities: what the sampler packs by.

        Vectors, text and tables do not count: beside images they weigh nothing, and `train.studies` bounds them.
        """
        counts = np.zeros(len(self._rows), dtype=np.int64)
        for name in self._shown:
            if name not in self._tables and self._store.modalities[name].kind == "images":
                counts += [self._reading.count(length) for length in self._store.lengths(name)[self._rows].tolist()]
        return counts.tolist()

    def __getitem__(self, position: int) -> Sample:
        row = self._rows[position]
        study = self._store.read(row)
        inputs: dict[str, np.ndarray] = {}
        slice_labels: dict[str, np.ndarray] = {}
        places: dict[str, np.ndarray] = {}
        boxes: dict[str, np.ndarray] = {}
        numbers: dict[str, np.ndarray] = {}
        for name in self._shown:
            if name in self._tables:
                inputs[name] = self._tables[name](study.traits())
                continue
            kind = self._store.modalities[name].kind
            if kind != "text":
                items = study.pixels(name) if kind == "images" else study.vectors(name)
                labels = study.slice_labels(name)
                if not len(labels):
                    labels = np.full((len(items), len(self._store.findings)), np.nan, dtype=np.float32)
                reading = self._reading if kind == "images" else self._reading.of_descriptors()
                kept = numbers[name] = reading.numbers(len(items), study.study_id)
                # Bytes are copied once, into the batch, where nothing is left out or moved.
                whole = np.array_equal(kept, np.arange(len(items)))
                inputs[name] = items if whole else items[kept]
                slice_labels[name] = labels[kept][:, self._columns]
                places[name] = reading.places(kept, len(items), study.spacing(name))
                boxes[name] = self._boxes(study, name, kept)
            elif text := redacted(study.text(name) or "", self._reports):
                inputs[name] = self._tokenizers[name](text)
        return Sample(
            study_id=study.study_id,
            patient_id=study.patient_id,
            inputs=inputs,
            labels=self._store.labels[row, self._columns],
            slice_labels=slice_labels,
            places=places,
            boxes=boxes,
            slice_numbers=numbers,
            targets={
                name: written.tokenizer(redacted(study.text(name) or "", written.reports))
                for name, written in self._writes.items()
            },
        )

    def _boxes(self, study: StoredStudy, modality: str, kept: Int[np.ndarray, " n"]) -> Float[np.ndarray, "k 6"]:
        """The boxes of the findings and images that a Sample holds."""
        place = {image: index for index, image in enumerate(kept.tolist())}
        rows = [
            [place[box["image"]], self._findings.index(box["finding"]), *(box[c] for c in ("x0", "y0", "x1", "y1"))]
            for box in study.boxes()
            if box["modality"] == modality and box["image"] in place and box["finding"] in self._findings
        ]
        return np.array(rows, dtype=np.float32).reshape(-1, 6)


class Collate:
    """Packs Samples. `items` has for each modality, in order, the shape and the dtype of one item; `targets` names the
    texts to be written."""

    def __init__(self, items: Mapping[str, tuple[tuple[int, ...], np.dtype]], targets: Sequence[str] = ()) -> None:
        self._items = dict(items)
        self._targets = tuple(targets)

    def __call__(self, samples: Sequence[Sample]) -> Batch:
        findings = len(samples[0].labels)
        inputs, slice_labels, boxes, numbers = {}, {}, {}, {}
        for name, (shape, dtype) in self._items.items():
            empty = np.empty((0, *shape), dtype=dtype)
            parts = [sample.inputs.get(name, empty) for sample in samples]
            lengths = torch.tensor([len(part) for part in parts])
            places = [
                sample.places.get(name, np.full(len(part), np.nan, np.float32))
                for sample, part in zip(samples, parts, strict=True)
            ]
            inputs[name] = Packed(
                torch.from_numpy(np.concatenate([empty, *parts])), lengths, torch.from_numpy(np.concatenate(places))
            )
            boxes[name] = _boxes([sample.boxes.get(name, np.empty((0, 6), np.float32)) for sample in samples], lengths)
            counted = [s.slice_numbers.get(name, np.arange(len(p))) for s, p in zip(samples, parts, strict=True)]
            numbers[name] = torch.from_numpy(np.concatenate(counted))
            nothing = np.empty((0, findings), dtype=np.float32)
            labels = [sample.slice_labels.get(name, nothing) for sample in samples]
            slice_labels[name] = torch.from_numpy(np.concatenate([nothing, *labels]))
        return Batch(
            study_ids=[sample.study_id for sample in samples],
            patient_ids=[sample.patient_id for sample in samples],
            inputs=inputs,
            labels=torch.from_numpy(np.stack([sample.labels for sample in samples])),
            slice_labels=slice_labels,
            boxes=boxes,
            slice_numbers=numbers,
            targets={name: _text([sample.targets[name] for sample in samples]) for name in self._targets},
        )


def _text(tokens: Sequence[Int[np.ndarray, "_"]]) -> Packed:
    return Packed(torch.from_numpy(np.concatenate(tokens)), torch.tensor([len(part) for part in tokens]))


def _boxes(rows: Sequence[Float[np.ndarray, "_ 6"]], lengths: Int[Tensor, "b"]) -> Boxes:
    """Boxes by study, with the images counted over the batch."""
    starts = (lengths.cumsum(0) - lengths).tolist()
    moved = [study + np.array([start, 0, 0, 0, 0, 0], np.float32) for study, start in zip(rows, starts, strict=True)]
    table = torch.from_numpy(np.concatenate(moved))
    return Boxes(corners=table[:, 2:], images=table[:, 0].long(), findings=table[:, 1].long())


def collate_for(
    store: Store,
    modalities: Sequence[str],
    tables: Mapping[str, Table] | None = None,
    targets: Sequence[str] = (),
) -> Collate:
    """The `Collate` of a store's modalities, of tables over its traits, and of its texts that are to be written."""
    items: dict[str, tuple[tuple[int, ...], np.dtype]] = {}
    for name in modalities:
        if tables and name in tables:
            items[name] = ((len(tables[name].columns),), np.dtype("float32"))
            continue
        facts = store.modalities[name]
        if facts.kind == "images":
            side = store.layout.size
            items[name] = ((facts.channels, side, side), np.dtype("int16" if facts.unit == "HU" else "uint8"))
        elif facts.kind == "vectors":
            items[name] = ((facts.width,), np.dtype("float32"))
        else:
            items[name] = ((), np.dtype("int64"))
    return Collate(items, targets)
