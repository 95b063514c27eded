"""Everything that an audit looks at, taken from a store in one pass over its studies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Bool, Float, Int

from mmdx.data.audit.pixels import CELLS, DIRECTIONS, FACTS, ImageFacts, describe
from mmdx.data.counting import Count, uncounted
from mmdx.data.splits.splits import Splits
from mmdx.data.store.store import Store
from mmdx.kinds import KINDS
from mmdx.study import SERIES_DIGEST, Split, is_fact

_EMPTY = {
    "place": np.zeros(0, dtype=np.int64),
    "digests": np.zeros(0, dtype="U32"),
    "blank": np.zeros(0, dtype=bool),
    "hashes": np.zeros((0, CELLS * CELLS * DIRECTIONS), dtype=np.float16),
    "facts": np.zeros((0, len(FACTS)), dtype=np.float32),
}


@dataclass(frozen=True)
class StoreFacts:
    """A store without its pixels: one row per study.

    `patients` numbers the patients from 0. `traits` are those of the reader without true log-odds and the digest of the
    series, which stands by itself. `sources` is the order source by image modality, `lengths` its images.
    `slice_positive`: at least one slice of the study is positive. `slice_negative`: it has slices, and all of them are
    labelled negative. `patients_unknown` counts the studies of which nothing says whose they are.
    """

    study_ids: tuple[str, ...]
    patient_ids: tuple[str, ...]
    patients: Int[np.ndarray, "n"]
    splits: tuple[Split, ...]
    findings: tuple[str, ...]
    labels: Float[np.ndarray, "n f"]
    traits: tuple[dict[str, str | float], ...]
    series: tuple[str | None, ...]
    reports: dict[str, tuple[str | None, ...]]
    lengths: dict[str, Int[np.ndarray, "n"]]
    sources: dict[str, tuple[str | None, ...]]
    images: dict[str, ImageFacts]
    slice_positive: Bool[np.ndarray, "n f"]
    slice_negative: Bool[np.ndarray, "n f"]
    patients_unknown: int = 0

    def __len__(self) -> int:
        return len(self.study_ids)

    def in_split(self, split: Split) -> Bool[np.ndarray, "n"]:
        return np.array([name == split for name in self.splits], dtype=bool)


def gather(store: Store, splits: Splits, count: Count = uncounted) -> StoreFacts:
    """Reads every study once; `splits` may be dealt otherwise than the store's own."""
    pictures = [name for name, facts in store.stored.items() if KINDS[facts.kind].pictured]
    texts = [name for name, facts in store.modalities.items() if KINDS[facts.kind].worded]
    parts: dict[str, list[dict[str, np.ndarray]]] = {name: [{"owner": _none()} | _EMPTY] for name in pictures}
    reports: dict[str, list[str | None]] = {name: [] for name in texts}
    traits: list[dict[str, str | float]] = []
    shape = (len(store), len(store.findings))
    positive, negative = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
    for row in range(len(store)):
        count("reading", row, len(store), "studies")
        study = store.read(row)
        traits.append(study.traits())
        slices = []
        for name in texts:
            reports[name].append(study.text(name) or None)
        for name in pictures:
            pixels = study.pixels(name)
            if len(pixels):
                owner = np.full(len(pixels), row)
                parts[name].append({"owner": owner} | describe(pixels, store.modalities[name].unit))
                slices.append(study.slice_labels(name))
        labels = np.concatenate(slices) if slices else np.zeros((0, shape[1]))
        positive[row] = (labels == 1).any(axis=0)
        negative[row] = (labels == 0).all(axis=0) if len(labels) else False
    return StoreFacts(
        study_ids=tuple(store.study_ids),
        patient_ids=tuple(store.patient_ids),
        patients=np.unique(np.array(store.patient_ids, dtype=object), return_inverse=True)[1],
        splits=tuple(splits),
        findings=tuple(store.findings),
        labels=store.labels,
        traits=tuple(_public(facts) for facts in traits),
        series=tuple(str(facts[SERIES_DIGEST]) if SERIES_DIGEST in facts else None for facts in traits),
        reports={name: tuple(column) for name, column in reports.items()},
        lengths={name: np.asarray(store.lengths(name)) for name in pictures},
        sources={name: tuple(store.order_source(row, name) for row in range(len(store))) for name in pictures},
        images={name: _joined(images) for name, images in parts.items()},
        slice_positive=positive,
        slice_negative=negative,
        patients_unknown=store.patients_unknown,
    )


def _public(facts: dict[str, str | float]) -> dict[str, str | float]:
    return {name: fact for name, fact in facts.items() if is_fact(name)}


def _none() -> Int[np.ndarray, "0"]:
    return np.zeros(0, dtype=np.int64)


def _joined(parts: Sequence[dict[str, np.ndarray]]) -> ImageFacts:
    return ImageFacts(
        **{field.name: np.concatenate([part[field.name] for part in parts]) for field in fields(ImageFacts)}
    )
