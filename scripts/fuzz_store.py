"""Stores with one thing wrong: as damage leaves them, and as a forger would.

`damaged` leaves the digests in `dataset.json` as they are; `forged` writes them anew. Whatever is read must be what
was prepared, but for what a single cell of a shard or of the index holds by itself where its like is free: pixels,
words, traits, boxes and slice labels of a shard, and the splits of a forger.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from fuzz_mutations import ODD, copied, mutate_bytes, mutate_json, mutate_kind, mutate_text
from fuzzing import Silent

from mmdx.data.store.index import INDEX
from mmdx.data.store.store import SPLIT_FILE, Store, digest
from mmdx.files import RunLayout
from mmdx.strangers.sealed import BESIDE, DIGEST, write_sealed

FREE = ("pixels", "text", "traits", "boxes", "slice_labels", "problems")
"""What only the cells of a shard hold."""
OF_FORGERS = ("splits", "findings", "modalities", "facts", "extracted")
"""What `dataset.json` or the index says, and nothing else does."""


class StoreCases:
    """Cases made of the store of a run."""

    def __init__(self, run: Path) -> None:
        environment = json.loads(RunLayout(run).environment.read_text(encoding="utf-8"))
        self.folder = Path(environment["store"]["folder"])
        self.expected = content_of(self.folder)

    def make(self, chance: random.Random, folder: Path) -> str:
        seals = chance.choice(["damaged", "forged"])
        (folder / "seals").write_text(seals, encoding="utf-8")
        place = folder / "store"
        copied(self.folder, place)
        shards = sorted(place.glob("shard-*.arrow"))
        names = ["dataset.json"] * 4 + [INDEX] * 5 + [SPLIT_FILE] + [chance.choice(shards).name] * 5
        path = place / chance.choice(names)
        words = mutate(chance, path)
        if seals == "forged":
            seal_again(place)
        return f"{seals} {path.name}: {words}"

    def attempt(self, folder: Path) -> None:
        seals = (folder / "seals").read_text(encoding="utf-8")
        content = content_of(folder / "store")
        free = (*FREE, *OF_FORGERS) if seals == "forged" else FREE
        for name, value in self.expected.items():
            if name not in free and content[name] != value:
                raise Silent(f"other {name} than were prepared")


def content_of(folder: Path) -> dict[str, Any]:
    """All that a store says, as plain values, study by study in the order of their names."""
    store = Store(folder)
    rows = sorted(range(len(store)), key=store.study_ids.__getitem__)
    content: dict[str, Any] = {
        "findings": store.findings,
        "modalities": store.modalities,
        "size": store.layout.size,
        "ids": [(store.study_ids[row], store.patient_ids[row]) for row in rows],
        "labels": store.labels[rows].tobytes(),
        "splits": [store.splits[row] for row in rows],
        "facts": (store.fingerprint, store.reader, store.dealt, store.quarantined, store.patients_unknown),
        "extracted": (store.extracted, store.describers_learned, store.described_by),
        "frame": store.frame().drop(columns="split").loc[rows].to_csv(header=False, index=False),
        **{name: [] for name in (*FREE, "rows", "orders", "shapes")},
    }
    for row in rows:
        study = store[row]
        content["rows"].append((study.study_id, study.patient_id, study.labels().tobytes()))
        content["traits"].append(study.traits())
        content["boxes"].append(study.boxes())
        content["problems"].append(study.problems())
        for name, facts in store.modalities.items():
            if facts.kind == "text":
                content["text"].append(study.text(name))
                continue
            pixels, labels = study.pixels(name), study.slice_labels(name)
            content["pixels"].append(int(pixels.astype(np.int64).sum()))
            content["slice_labels"].append(float(np.nansum(labels)))
            content["shapes"].append((pixels.shape, pixels.dtype.name, labels.shape))
            content["orders"].append((store.order_source(row, name), store.lengths(name)[row].item()))
            content["orders"].append((study.certificate(name), study.spacing(name), study.pixel_mm(name)))
    store.to_hf()
    return content


def mutate(chance: random.Random, path: Path) -> str:
    """Changes one thing in a file of a store, and says what."""
    if path.suffix == ".arrow":
        ways: list[Callable[[random.Random, Path], str]] = [*[mutate_arrow] * 8, *[mutate_bytes] * 5, mutate_kind]
    elif path.suffix == ".json":
        ways = [*[mutate_json] * 12, mutate_bytes, mutate_bytes, mutate_text, mutate_text, mutate_kind]
    else:
        ways = [mutate_bytes, mutate_bytes, mutate_text, mutate_kind]
    return chance.choice(ways)(chance, path)


def mutate_arrow(chance: random.Random, path: Path) -> str:
    """Changes a cell, a column or the rows of an Arrow file, and writes it anew."""
    indexed = path.name == INDEX
    opened = (pa.ipc.open_file if indexed else pa.ipc.open_stream)(path.read_bytes())
    table = opened.read_all()
    batches = table.to_batches()
    name = chance.choice(table.column_names)
    way = chance.choice([*["cell"] * 6, "null", "null", "renamed", "gone", "rows", "fewer", "again", "order"])
    schema = table.schema
    if way in ("cell", "null"):
        number = chance.randrange(table.num_rows)
        rows = table.to_pylist()
        old = rows[number][name]
        rows[number][name] = None if way == "null" else odd_like(chance, old)
        way = f"cell {number} of {name} is {str(rows[number][name])[:30]!r}"
        try:
            batches = [pa.RecordBatch.from_pylist([row], schema) for row in rows]
        except (pa.ArrowException, OverflowError, UnicodeEncodeError, TypeError, ValueError):
            batches = batches[:-1]
            way = "fewer"
    elif way == "renamed":
        schema = pa.schema([field.with_name("strange") if field.name == name else field for field in schema])
        batches = [pa.RecordBatch.from_arrays(batch.columns, schema=schema) for batch in batches]
    elif way == "gone":
        batches = [batch.drop_columns([name]) for batch in batches]
        schema = batches[0].schema
    elif way == "rows":
        batches = [*batches, *batches]
    elif way == "fewer":
        batches = batches[:-1] or [batches[0].slice(0, max(1, len(batches[0]) - 1))]
    elif way == "again":
        batches = [batches[0]] * len(batches)
    else:
        batches = batches[::-1] if len(batches) > 1 else [batches[0].take(list(range(len(batches[0])))[::-1])]
    if indexed:
        batches = pa.Table.from_batches(batches, schema).combine_chunks().to_batches()
    write = pa.ipc.new_file if indexed else pa.ipc.new_stream
    with pa.OSFile(str(path), "wb") as sink, write(sink, schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return f"{name}: {way}"


def odd_like(chance: random.Random, old: Any) -> Any:
    """A value that a cell of this kind can hold."""
    if isinstance(old, list):
        return chance.choice([[], old[:-1], [*old, *old[:1]], [1e30] * len(old), [None] * len(old), old[::-1]])
    if isinstance(old, int):
        return chance.choice([0, -1, 1, old + 1, old - 1, old + 7, 2**31 - 1, -(2**31), 2**62, -(2**62)])
    jsons = ["{", "[]", "{}", "null", "7", '{"source": "x"}', '[{"modality": "image"}]', "[" * 5000, '{"a": 1e999}']
    words = [value for value in ODD if isinstance(value, str)]
    return chance.choice([*jsons, *words, "train", "val", "unused", "position", None])


def seal_again(folder: Path) -> None:
    """Writes the digests of a store anew."""
    path = folder / "dataset.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
        if not isinstance(content, dict):
            return
        content.pop(DIGEST, None)
        beside = content.pop(BESIDE, {})
        if (folder / SPLIT_FILE).is_file():
            content["splits_digest"] = digest(folder / SPLIT_FILE)
        write_sealed(path, content, [folder / name for name in beside if (folder / name).is_file()])
    except (OSError, ValueError, RecursionError, TypeError):  # what no forger could seal either
        return
