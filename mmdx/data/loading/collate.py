"""Samples become a Batch: bytes are moved, nothing is computed on pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from mmdx.batch import Batch, Boxes, Packed, Sample
from mmdx.data.loading.encoded import NOTHING_ENCODED, Encoded
from mmdx.data.loading.traits import Table
from mmdx.data.store.kinds import STORED, ModalityFacts
from mmdx.data.store.kinds.base import Item
from mmdx.data.store.store import Store


class Collate:
    """Packs Samples. `items` has for each modality, in order, the shape and the dtype of one item; `targets` names the
    texts to be written, `encoded` the modalities whose images come as vectors."""

    def __init__(
        self,
        items: Mapping[str, tuple[tuple[int, ...], np.dtype]],
        targets: Sequence[str] = (),
        encoded: Sequence[str] = (),
    ) -> None:
        self._items = dict(items)
        self._targets, self._encoded = tuple(targets), tuple(encoded)

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
            values, where = (torch.from_numpy(np.concatenate(rows)) for rows in ([empty, *parts], places))
            unordered = torch.tensor([name in sample.unordered for sample in samples])
            inputs[name] = Packed(values, lengths, where, name in self._encoded, unordered)
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
    encoded: Mapping[str, Encoded] = NOTHING_ENCODED,
) -> Collate:
    """The `Collate` of a store's modalities, of tables over its traits, and of its texts that are to be written; the
    images of `encoded` come as vectors."""
    read: Mapping[str, Table] = tables or {}
    items = {name: item_of(read.get(name) or store.modalities[name], store.layout.size) for name in modalities}
    items |= {name: ((vectors.width,), np.dtype("float32")) for name, vectors in encoded.items()}
    return Collate(items, targets, list(encoded))


def item_of(source: ModalityFacts | Table, size: int) -> Item:
    """The shape and the dtype of one item of a stored modality, or of one that a table makes."""
    if isinstance(source, Table):
        return (len(source.columns),), np.dtype("float32")
    return STORED[source.kind].item(source, size)
