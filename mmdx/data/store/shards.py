"""Studies become shards: Arrow streams, one row per study, the items of a modality as one contiguous array."""

from __future__ import annotations

import json
import mmap
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from mmdx.data.images.letterbox import Letterbox
from mmdx.data.privacy.privacy import stored_sentence
from mmdx.data.privacy.pseudonyms import Pseudonyms
from mmdx.data.store.kinds import STORED
from mmdx.data.store.layout import Layout, content_of, facts_of
from mmdx.errors import DataError, reason
from mmdx.files import CORNERS, PARTIAL
from mmdx.strangers.bounded import read_json
from mmdx.study import Study


def shard_path(folder: Path, index: int) -> Path:
    return folder / f"shard-{index:05d}.arrow"


def mapped(path: Path) -> pa.Buffer:
    """A file as a view of the disk, mapped as long as anything looks at it.

    Arrow's own memory map asks the system to fetch all of what it hands out: whole shards, for one study.
    """
    with path.open("rb") as file:
        return pa.py_buffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def write_shard(
    path: Path, studies: Sequence[Study], layout: Layout, *, root: Path, pseudonyms: Pseudonyms | None = None
) -> list[dict[str, str]]:
    """Decodes `studies` into the Arrow stream `path` and returns the quarantine: a row for each that cannot be read.

    One study is held at a time. Raises `OSError` where the disk refuses (full, read-only).
    """
    schema = layout.schema
    quarantine: list[dict[str, str]] = []
    with new_shard(path, [study.study_id for study in studies], schema, quarantine) as writer:
        for study in studies:
            try:
                writer.write_batch(_record(study, layout, schema))
            except DataError as error:
                sentence = " ".join(" · ".join(error.problems).replace(f"{root}/", "").split())
                sentence = stored_sentence(sentence, study, pseudonyms)
                quarantine.append({"study_id": study.study_id, "reason": sentence})
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
    partial = path.with_suffix(f".{uuid.uuid4().hex}{PARTIAL}")
    account = partial.with_suffix(f".json{PARTIAL}")
    try:
        with pa.OSFile(str(partial), "wb") as sink, pa.ipc.new_stream(sink, schema) as writer:
            yield writer
        content = {"studies": list(study_ids), "quarantine": list(quarantine)}
        account.write_text(json.dumps(content), encoding="utf-8")
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


def problems_of(path: Path) -> dict[str, tuple[str, ...]]:
    """The problems that a whole shard names of each of its studies: the reader's, and what decoding found."""
    try:
        with pa.memory_map(str(path)) as source, pa.ipc.open_stream(source) as stream:
            rows = [row for batch in stream for row in zip(batch["study_id"], batch["problems"], strict=True)]
            return {study.as_py(): tuple(json.loads(problems.as_py())) for study, problems in rows}
    except (pa.ArrowException, ValueError, KeyError) as error:
        raise DataError(f"{path}: cannot be read ({reason(error)}); remove it and prepare again") from None


def _account(path: Path) -> dict[str, Any]:
    beside = path.with_suffix(".json")
    try:
        account = read_json(beside)
        return {"studies": account["studies"], "quarantine": account["quarantine"]}
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DataError(f"{beside}: cannot be read ({reason(error)}); remove {path} and prepare again") from None


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
    row["traits"] = json.dumps(dict(study.traits))
    problems = [*study.problems]
    letterboxes: dict[str, Sequence[Letterbox]] = {}
    for name, facts in layout.modalities.items():
        value, stored = study.modalities.get(name), content_of(facts)
        if value is not None and (content := content_of(facts_of(value))) != stored:
            raise DataError(f"'{name}' holds {content} here, but {stored} in the store; give it another name")
        cells = STORED[facts.kind].encode(study, layout.slot(name))
        row |= cells.columns
        letterboxes[name] = cells.letterboxes
        problems += cells.problems
    row["problems"] = json.dumps(problems)
    row["boxes"] = json.dumps(_stored_boxes(study, letterboxes))
    return row


def _stored_boxes(study: Study, letterboxes: Mapping[str, Sequence[Letterbox]]) -> list[dict[str, Any]]:
    """Boxes in pixels of the stored images; on descriptors, which have none, as they were given."""
    boxes = []
    for box in study.boxes:
        if box.modality not in study.modalities:
            continue
        corners = np.array([box.x0, box.y0, box.x1, box.y1], dtype=np.float64)
        if letterboxes[box.modality]:
            corners = letterboxes[box.modality][box.image].to_stored(corners)
        place = {"modality": box.modality, "image": box.image, "finding": box.finding}
        boxes.append(place | dict(zip(CORNERS, corners.tolist(), strict=True)))
    return boxes


def _column(value: Any, column: pa.Field) -> pa.Array:
    if isinstance(value, np.ndarray):
        # Offsets and values go to Arrow as they are: a list of a million Python numbers would take seconds.
        return pa.LargeListArray.from_arrays(pa.array([0, len(value)], pa.int64()), pa.array(value))
    return pa.array([value], column.type)
