"""Studies of a store become Samples, and Samples a Batch: bytes are moved, nothing is computed on pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.utils.data import Dataset

from mmdx.batch import Batch, Boxes, Packed, Sample
from mmdx.config import ReportOptions
from mmdx.data.redaction import redacted
from mmdx.data.store import Store, StoredStudy
from mmdx.data.text import ReportTokenizer

WHOLE = ReportOptions()
"""Reports as they are."""


class StudyDataset(Dataset[Sample]):
    """Some rows of a store as Samples: the modalities in `modalities`, the findings in `findings`, in that order.

    `shown` (all when None) limits what a Sample holds: a withheld modality is absent, as if the study never had it.
    `max_images` keeps that many evenly spaced images of a longer modality; `reports` is what of a report is read: one
    of which nothing is left is absent.
    """

    def __init__(
        self,
        store: Store,
        rows: Sequence[int],
        *,
        modalities: Sequence[str],
        findings: Sequence[str],
        tokenizers: Mapping[str, ReportTokenizer],
        shown: Sequence[str] | None = None,
        max_images: int | None = None,
        reports: ReportOptions = WHOLE,
    ) -> None:
        self._store = store
        self._rows = list(rows)
        self._findings = list(findings)
        self._columns = store.columns_of(findings)
        self._tokenizers = tokenizers
        self._shown = [m for m in modalities if shown is None or m in shown]
        self._max_images = max_images
        self._reports = reports

    def __len__(self) -> int:
        return len(self._rows)

    def images(self) -> list[int]:
        """How many images each study brings, over all shown modalities: what the sampler packs by.

        Vectors and text do not count: beside images they weigh nothing, and `train.studies` bounds them.
        """
        counts = np.zeros(len(self._rows), dtype=np.int64)
        for name in self._shown:
            if self._store.modalities[name].kind == "images":
                lengths = self._store.lengths(name)[self._rows]
                counts += lengths if self._max_images is None else np.minimum(lengths, self._max_images)
        return counts.tolist()

    def __getitem__(self, position: int) -> Sample:
        row = self._rows[position]
        study = self._store.read(row)
        inputs: dict[str, np.ndarray] = {}
        slice_labels: dict[str, np.ndarray] = {}
        places: dict[str, np.ndarray] = {}
        boxes: dict[str, np.ndarray] = {}
        for name in self._shown:
            kind = self._store.modalities[name].kind
            if kind != "text":
                items, labels = (
                    study.pixels(name) if kind == "images" else study.vectors(name),
                    study.slice_labels(name),
                )
                if not len(labels):
                    labels = np.full((len(items), len(self._store.findings)), np.nan, dtype=np.float32)
                keep = evenly(len(items), self._max_images if kind == "images" else None)
                kept = np.arange(len(items))[keep]
                inputs[name], slice_labels[name] = items[keep], labels[keep][:, self._columns]
                places[name] = (kept * (study.spacing(name) or np.nan)).astype(np.float32)
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
    """Packs Samples. `items` has for each modality, in order, the shape and the dtype of one item."""

    def __init__(self, items: Mapping[str, tuple[tuple[int, ...], np.dtype]]) -> None:
        self._items = dict(items)

    def __call__(self, samples: Sequence[Sample]) -> Batch:
        findings = len(samples[0].labels)
        inputs, slice_labels, boxes = {}, {}, {}
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
        )


def _boxes(rows: Sequence[Float[np.ndarray, "k 6"]], lengths: Int[Tensor, "b"]) -> Boxes:
    """Boxes by study, with the images counted over the batch."""
    starts = (lengths.cumsum(0) - lengths).tolist()
    moved = [study + np.array([start, 0, 0, 0, 0, 0], np.float32) for study, start in zip(rows, starts, strict=True)]
    table = torch.from_numpy(np.concatenate(moved))
    return Boxes(corners=table[:, 2:], images=table[:, 0].long(), findings=table[:, 1].long())


def collate_for(store: Store, modalities: Sequence[str]) -> Collate:
    """The `Collate` of a store's modalities."""
    items: dict[str, tuple[tuple[int, ...], np.dtype]] = {}
    for name in modalities:
        facts = store.modalities[name]
        if facts.kind == "images":
            side = store.layout.size
            items[name] = ((facts.channels, side, side), np.dtype("int16" if facts.unit == "HU" else "uint8"))
        elif facts.kind == "vectors":
            items[name] = ((facts.width,), np.dtype("float32"))
        else:
            items[name] = ((), np.dtype("int64"))
    return Collate(items)


def evenly(count: int, most: int | None) -> slice | np.ndarray:
    """Which of `count` images stay when at most `most` may: the middle one of each of `most` equal parts."""
    if most is None or count <= most:
        return slice(None)
    return (2 * np.arange(most) + 1) * count // (2 * most)
