"""A store made of another: its images become descriptors, all else is carried over.

Rows stand as in the first store, with its labels, slice labels, boxes, traits and order certificates; text and vectors
that were there are copied. Images that nobody described are left out.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Float32

from mmdx.data.splits.splits import Splits
from mmdx.data.store.fingerprint import STORE_FORMAT
from mmdx.data.store.finish import Making, finish_store, read_quarantine
from mmdx.data.store.kinds import ModalityFacts
from mmdx.data.store.layout import Layout
from mmdx.data.store.shards import is_written, new_shard, shard_path
from mmdx.data.store.store import BEFORE, EXTRACTED, Store, is_store
from mmdx.data.store.stored import StoredStudy
from mmdx.errors import DataError
from mmdx.kinds import KINDS
from mmdx.study import Modality, ModalityFiles, Order, Study

STUDIES_PER_SHARD = 16
Descriptors = Mapping[str, Sequence[Float32[np.ndarray, "n d"]]]
"""By modality, one array for each row that was asked for."""


@dataclasses.dataclass(frozen=True)
class Derivation:
    """What makes a store of descriptors: the first `store`, what each described modality becomes, the split that the
    new store has, and by `origin` which models said it and how."""

    store: Store
    described: Mapping[str, ModalityFacts]
    splits: Splits
    origin: Mapping[str, Any]

    @property
    def layout(self) -> Layout:
        carried = {name: facts for name, facts in self.store.modalities.items() if not KINDS[facts.kind].pictured}
        both = {name: self.described.get(name) or carried.get(name) for name in self.store.modalities}
        modalities = {name: facts for name, facts in both.items() if facts}
        return Layout(modalities, self.store.findings, self.store.layout.size)

    def fingerprint(self) -> str:
        """32 hex digits over the first store, the split and everything that the origin names but where it lies."""
        models = {name: value for name, value in self.origin.items() if name != "run"}
        facts = {name: modality.to_json() for name, modality in self.described.items()}
        parts = [STORE_FORMAT, self.store.fingerprint, facts, list(self.splits), models]
        return hashlib.blake2b(json.dumps(parts, sort_keys=True).encode(), digest_size=16).hexdigest()

    def portions(self, out: Path) -> list[tuple[Path, list[int]]]:
        """The shards of the new store, each with its rows; the same in every process and every run that goes on."""
        starts = range(0, len(self.store), STUDIES_PER_SHARD)
        rows = range(len(self.store))
        return [(shard_path(out, i), list(rows[at : at + STUDIES_PER_SHARD])) for i, at in enumerate(starts)]


def write_portion(derivation: Derivation, path: Path, rows: Sequence[int], describe: Callable[[], Descriptors]) -> bool:
    """The shard `path` of these rows, unless it is there; whether it had to be written. One shard is held at a time."""
    ids = [derivation.store.study_ids[row] for row in rows]
    if is_written(path, ids):
        return False
    layout, schema = derivation.layout, derivation.layout.schema
    descriptors = describe()
    with new_shard(path, ids, schema, []) as writer:
        for place, row in enumerate(rows):
            of_study = {name: arrays[place] for name, arrays in descriptors.items()}
            writer.write_batch(_record(derivation.store.read(row), of_study, layout, schema))
    return True


def finish_derived(derivation: Derivation, out: Path) -> Store:
    """What makes a store of whole shards, with the labels and the quarantine of the first store."""
    store, layout = derivation.store, derivation.layout
    origin = store.description | {
        "fingerprint": derivation.fingerprint(),
        "modalities": {name: facts.to_json() for name, facts in layout.modalities.items()},
    }
    outlines = [_outline(study, layout) for study in store]
    quarantine, shards = read_quarantine(store.folder), len(derivation.portions(out))
    before = {BEFORE: store.description[EXTRACTED]} if store.extracted else {}
    remarks = {EXTRACTED: dict(derivation.origin) | before}
    finish_store(out, Making(layout, outlines, derivation.splits, quarantine, shards, origin, remarks))
    return Store(out)


def finished(derivation: Derivation, out: Path) -> Store | None:
    """The store in `out` where it is whole and of this making; None where it has to be made or gone on with.

    Raises `DataError` where another store lies there: nothing is replaced.
    """
    if not is_store(out):
        return None
    store = Store(out)
    if store.fingerprint != derivation.fingerprint():
        raise DataError(
            f"{out}: holds descriptors of other weights, another split or other options; extract into another folder, "
            "or remove this one"
        )
    return store


def _record(
    study: StoredStudy, described: Mapping[str, Float32[np.ndarray, "n d"]], layout: Layout, schema: pa.Schema
) -> pa.RecordBatch:
    columns = []
    for field in schema:
        if field.name in described:
            flat = np.ascontiguousarray(described[field.name], dtype=np.float32).reshape(-1)
            columns.append(pa.LargeListArray.from_arrays(pa.array([0, len(flat)], pa.int64()), pa.array(flat)))
        elif field.name == "boxes":
            boxes = [box for box in study.boxes() if box["modality"] in layout.modalities]
            columns.append(pa.array([json.dumps(boxes)], field.type))
        else:
            columns.append(study.column(field.name))
    return pa.record_batch(columns, schema=schema)


@dataclasses.dataclass(frozen=True)
class _Outline(ModalityFiles):
    """What a card counts of descriptors that lie in a store: their order."""

    kind = "vectors"
    order: Order | None

    @property
    def paths(self) -> tuple[Path, ...]:
        return ()


def _order(raw: Mapping[str, Any]) -> Order:
    return Order(**{name: tuple(value) if isinstance(value, list) else value for name, value in raw.items()})


def _outline(study: StoredStudy, layout: Layout) -> Study:
    """What a card counts of a study."""
    modalities: dict[str, Modality] = {}
    for name, facts in layout.modalities.items():
        if KINDS[facts.kind].worded:
            if (text := study.text(name)) is not None:
                modalities[name] = text
        elif study.column(f"{name}.length")[0].as_py():
            certificate = study.certificate(name)
            modalities[name] = _Outline(_order(certificate) if certificate else None)
    labels = study.column("labels").flatten().to_pylist()
    return Study(
        study.study_id,
        study.patient_id,
        modalities,
        dict(zip(layout.findings, labels, strict=True)),
        split=study.column("split")[0].as_py(),
        problems=study.problems(),
    )
