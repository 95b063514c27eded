"""Studies become Arrow: one row a study, pixels of a modality as one contiguous array.

Columns: `study_id`, `patient_id`, `split` (as given, or null), `labels [f]`, `traits`, `problems`, `boxes` (JSON);
for images `NAME` (flat `[n c size size]`), for vectors `NAME` (flat `[n d]`), for both `NAME.length` (0: absent),
`NAME.order` (certificate, JSON; null where there is none) and `NAME.slice_labels` (flat `[n f]`, empty where none were
given); for text `NAME` (null: absent).
"""

from __future__ import annotations

import dataclasses
import json
import mmap
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import datasets
import numpy as np
import pyarrow as pa

from mmdx.data.images.decode import Decoded, decode
from mmdx.data.privacy.privacy import stored_sentence
from mmdx.data.privacy.pseudonyms import Pseudonyms
from mmdx.data.vectors import read_vectors
from mmdx.errors import DataError
from mmdx.files import CORNERS
from mmdx.study import ImageFiles, Modality, Study, Unit, VectorFiles

RESERVED = ("study_id", "patient_id", "split", "labels", "traits", "problems", "boxes")
PIXEL_TYPES: dict[str, str] = {"HU": "int16", "intensity": "uint8"}


@dataclass(frozen=True)
class ModalityFacts:
    """What every study's share of a modality has in common: `unit` and `channels` of images, `width` of vectors.

    The last `logits` values of a vector are what the model that left it says of each of its findings.
    """

    kind: Literal["images", "vectors", "text"]
    unit: Unit = "intensity"
    channels: int = 1
    width: int = 0
    logits: int = 0

    @property
    def content(self) -> str:
        """What must be one and the same in all studies, in words."""
        kinds = {"HU": "images in Hounsfield units", "intensity": "images of plain intensities"}
        vectors = f"vectors of width {self.width}"
        return kinds[self.unit] if self.kind == "images" else vectors if self.kind == "vectors" else "text"


@dataclass(frozen=True)
class Layout:
    """What the rows of a store hold: its modalities, its findings in order, the side of an image in pixels."""

    modalities: Mapping[str, ModalityFacts]
    findings: tuple[str, ...]
    size: int

    def features(self) -> datasets.Features:
        """The columns in the terms of Hugging Face `datasets`."""
        text, numbers = datasets.Value("string"), datasets.LargeList(datasets.Value("float32"))
        columns: dict[str, Any] = {"study_id": text, "patient_id": text, "split": text, "labels": numbers}
        columns |= {"traits": text, "problems": text, "boxes": text}
        for name, facts in self.modalities.items():
            if facts.kind == "text":
                columns[name] = text
                continue
            pixels = datasets.LargeList(datasets.Value(PIXEL_TYPES[facts.unit]))
            columns |= {
                name: numbers if facts.kind == "vectors" else pixels,
                f"{name}.length": datasets.Value("int64"),
                f"{name}.order": text,
                f"{name}.slice_labels": numbers,
            }
        return datasets.Features(columns)


def layout_of(studies: Sequence[Study], *, size: int) -> Layout:
    """The layout that holds all of `studies`; findings in the order of their first appearance.

    Where one name stands for text here and images there, for Hounsfield units here and plain intensities there, or for
    vectors of two widths, what most studies hold counts, the first of them among equals; `write_shard` refuses the
    others. A modality with both
    grey and colour images is stored in colour. Raises `DataError` for a name that cannot be a column.
    """
    shares: dict[str, Counter[ModalityFacts]] = {}
    findings: dict[str, None] = {}
    for study in studies:
        findings |= dict.fromkeys(study.labels)
        for labels in study.slice_labels.values():
            findings |= dict.fromkeys(labels)
        for name, value in study.modalities.items():
            if name in RESERVED or "." in name or "+" in name:
                raise DataError(f"modality '{name}': the name is taken or holds '.' or '+'; choose another")
            shares.setdefault(name, Counter())[_facts(value)] += 1
    return Layout({name: _common(share) for name, share in shares.items()}, tuple(findings), size)


def _facts(value: Modality) -> ModalityFacts:
    if isinstance(value, str):
        return ModalityFacts("text")
    if isinstance(value, VectorFiles):
        return ModalityFacts("vectors", width=value.width)
    return ModalityFacts("images", value.unit, value.channels)


def _common(share: Counter[ModalityFacts]) -> ModalityFacts:
    """What the most studies hold of a modality, with the channels of the most colourful of them."""
    alike: dict[str, list[ModalityFacts]] = {}
    for facts in share:
        alike.setdefault(facts.content, []).append(facts)
    most = max(alike.values(), key=lambda group: sum(share[facts] for facts in group))
    return max(most, key=lambda facts: facts.channels)


def shard_path(folder: Path, index: int) -> Path:
    return folder / f"shard-{index:05d}.arrow"


def mapped(path: Path) -> pa.Buffer:
    """A file as a view of the disk, mapped as long as anything looks at it.

    Arrow's own memory map asks the system to fetch all of what it hands out: whole shards, for one study.
    """
    with path.open("rb") as file:
        return pa.py_buffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def pixel_bytes(study: Study, layout: Layout) -> int:
    """What the images of a study will take in a shard."""
    images = {name: value for name, value in study.modalities.items() if isinstance(value, ImageFiles)}
    facts = {name: layout.modalities[name] for name in images}
    items = sum(
        len(v.images) * facts[n].channels * np.dtype(PIXEL_TYPES[facts[n].unit]).itemsize for n, v in images.items()
    )
    return items * layout.size**2


def write_shard(
    path: Path, studies: Sequence[Study], layout: Layout, *, root: Path, pseudonyms: Pseudonyms | None = None
) -> list[dict[str, str]]:
    """Decodes `studies` into the Arrow stream `path` and returns the quarantine: a row for each that cannot be read.

    One study is held at a time. Raises `OSError` where the disk refuses (full, read-only).
    """
    schema = layout.features().arrow_schema
    quarantine: list[dict[str, str]] = []
    with new_shard(path, [study.study_id for study in studies], schema, quarantine) as writer:
        for study in studies:
            try:
                writer.write_batch(_record(study, layout, schema))
            except DataError as error:
                reason = " ".join(" · ".join(error.problems).replace(f"{root}/", "").split())
                reason = stored_sentence(reason, study, pseudonyms)
                quarantine.append({"study_id": study.study_id, "reason": reason})
    return quarantine


@contextmanager
def new_shard(
    path: Path, study_ids: Sequence[str], schema: pa.Schema, quarantine: Sequence[Mapping[str, str]]
) -> Iterator[pa.RecordBatchStreamWriter]:
    """The stream `path`, open for the rows of `study_ids` that are not in `quarantine` in the end.

    The file appears under its name only when it is whole, after the account beside it (`.json`: which studies were
    given, which of them are quarantined).
    """
    # A worker that outlives its killed run may still write this shard: no two processes share a partial file.
    partial = path.with_suffix(f".{uuid.uuid4().hex}.partial")
    account = partial.with_suffix(".json.partial")
    try:
        with pa.OSFile(str(partial), "wb") as sink, pa.ipc.new_stream(sink, schema) as writer:
            yield writer
        told = {"studies": list(study_ids), "quarantine": list(quarantine)}
        account.write_text(json.dumps(told), encoding="utf-8")
        account.replace(path.with_suffix(".json"))
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        account.unlink(missing_ok=True)
        raise


def is_written(path: Path, study_ids: Sequence[str]) -> bool:
    """Whether `path` is a whole shard, and of these studies."""
    return path.is_file() and _account(path)["studies"] == list(study_ids)


def quarantine_of(path: Path) -> list[dict[str, str]]:
    """What `write_shard` returned for this shard."""
    return _account(path)["quarantine"]


def _account(path: Path) -> dict[str, Any]:
    beside = path.with_suffix(".json")
    try:
        account = json.loads(beside.read_text(encoding="utf-8"))
        return {"studies": account["studies"], "quarantine": account["quarantine"]}
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DataError(f"{beside}: cannot be read ({error}); remove {path} and prepare again") from None


def _record(study: Study, layout: Layout, schema: pa.Schema) -> pa.RecordBatch:
    row = _row(study, layout)
    try:
        return pa.record_batch([_column(row[field.name], field) for field in schema], schema=schema)
    except UnicodeEncodeError as error:
        # File names need not be UTF-8, and JSON can spell half a character.
        raise DataError(f"holds text that is not Unicode: {error.object!a}; correct its name or its row") from None


def _row(study: Study, layout: Layout) -> dict[str, Any]:
    if not study.modalities:
        raise DataError(study.problems or f"study {study.study_id}: nothing that could be read")
    row: dict[str, Any] = {"study_id": study.study_id, "patient_id": study.patient_id, "split": study.split}
    row["labels"] = np.array([study.labels.get(f, np.nan) for f in layout.findings], dtype=np.float32)
    row |= {"traits": json.dumps(dict(study.traits)), "problems": json.dumps(study.problems)}
    decoded: dict[str, Decoded] = {}
    for name, facts in layout.modalities.items():
        value = study.modalities.get(name)
        if value is not None and (content := _facts(value).content) != facts.content:
            raise DataError(f"'{name}' holds {content} here, but {facts.content} in the store; give it another name")
        if facts.kind == "text":
            row[name] = value if isinstance(value, str) and value.strip() else None
        elif facts.kind == "vectors":
            row |= _vector_columns(study, name, facts.width, layout.findings)
        elif isinstance(value, ImageFiles):
            files = dataclasses.replace(value, channels=facts.channels)
            decoded[name] = decode(files, layout.size)
            row[name] = decoded[name].pixels.reshape(-1)
            row[f"{name}.length"] = len(value.images)
            row[f"{name}.order"] = json.dumps(dataclasses.asdict(value.order))
            row[f"{name}.slice_labels"] = _slice_labels(study, name, layout.findings)
        else:
            nothing = np.empty(0, dtype=PIXEL_TYPES[facts.unit])
            row |= {name: nothing, f"{name}.length": 0, f"{name}.order": None}
            row[f"{name}.slice_labels"] = np.empty(0, dtype=np.float32)
    row["boxes"] = json.dumps(_stored_boxes(study, decoded))
    return row


def _vector_columns(study: Study, name: str, width: int, findings: Sequence[str]) -> dict[str, Any]:
    value = study.modalities.get(name)
    found = isinstance(value, VectorFiles)
    vectors = read_vectors(value) if found else np.empty((0, width), dtype=np.float32)
    order = value.order if isinstance(value, VectorFiles) else None
    labels = _slice_labels(study, name, findings)
    # Their files are open only now: until here nobody knew how many descriptors there are.
    if len(labels) not in (0, len(vectors) * len(findings)):
        raise DataError(
            f"{len(labels) // len(findings)} slice labels for {len(vectors)} descriptors of '{name}'; give one each"
        )
    if beyond := [box.image for box in study.boxes if box.modality == name and box.image >= len(vectors)]:
        raise DataError(f"a box points at image {beyond[0]} of '{name}', of {len(vectors)}; count from 0")
    return {
        name: vectors.reshape(-1),
        f"{name}.length": len(vectors),
        f"{name}.order": json.dumps(dataclasses.asdict(order)) if order else None,
        f"{name}.slice_labels": labels,
    }


def _slice_labels(study: Study, modality: str, findings: Sequence[str]) -> np.ndarray:
    given = study.slice_labels.get(modality)
    if not given:
        return np.empty(0, dtype=np.float32)
    unknown = [np.nan] * max(map(len, given.values()))
    return np.array([given.get(f, unknown) for f in findings], dtype=np.float32).T.reshape(-1)


def _stored_boxes(study: Study, decoded: Mapping[str, Decoded]) -> list[dict[str, Any]]:
    """Boxes in pixels of the stored images; on descriptors, which have none, as they were given."""
    boxes = []
    for box in study.boxes:
        if box.modality not in study.modalities:
            continue
        corners = np.array([box.x0, box.y0, box.x1, box.y1], dtype=np.float64)
        if box.modality in decoded:
            corners = decoded[box.modality].letterboxes[box.image].to_stored(corners)
        place = {"modality": box.modality, "image": box.image, "finding": box.finding}
        boxes.append(place | dict(zip(CORNERS, corners.tolist(), strict=True)))
    return boxes


def _column(value: Any, column: pa.Field) -> pa.Array:
    if isinstance(value, np.ndarray):
        # Offsets and values go to Arrow as they are: a list of a million Python numbers would take seconds.
        return pa.LargeListArray.from_arrays(pa.array([0, len(value)], pa.int64()), pa.array(value))
    return pa.array([value], column.type)
