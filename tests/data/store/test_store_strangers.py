"""A store with anything wrong in it is refused in lines, or holds what was prepared."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cohorts
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oddities import mutated

from mmdx.data.store.store import Store
from mmdx.errors import DataError, MmdxError
from mmdx.strangers.sealed import read_sealed, write_sealed

_PLACE = TemporaryDirectory()
WHOLE = cohorts.prepared(cohorts.folder_cohort(Path(_PLACE.name) / "raw", studies=8), Path(_PLACE.name) / "out").folder


def content_of(folder: Path) -> list[Any]:
    """All that a store says but its free remarks, as plain values."""
    store = Store(folder)
    rows: list[Any] = [list(store.splits), store.labels.tobytes(), store.layout.size]
    for row, study in enumerate(store):
        rows.append((study.study_id, study.patient_id, study.labels().tobytes(), study.text("report"), study.traits()))
        rows.append((study.boxes(), study.problems(), study.pixels("image").tobytes(), study.spacing("image")))
        rows.append((study.slice_labels("image").tobytes(), store.order_source(row, "image")))
    return rows


EXPECTED = content_of(WHOLE)


def said(folder: Path) -> list[Any] | None:
    """What a store says; None where it is refused in lines, and nothing else may be raised."""
    problems: tuple[str, ...] = ()
    try:
        return content_of(folder)
    except MmdxError as error:
        problems = error.problems
    assert problems
    assert all(len(line.splitlines()) == 1 for line in problems)
    return None


def copied(folder: str) -> Path:
    return Path(shutil.copytree(WHOLE, Path(folder) / "store"))


@given(data=st.data())
def test_any_field_of_the_description(data: st.DataObject) -> None:
    content = data.draw(mutated(read_sealed(WHOLE / "dataset.json", "")))
    with TemporaryDirectory() as place:
        folder = copied(place)
        write_sealed(folder / "dataset.json", content)
        assert said(folder) in (EXPECTED, None)


@settings(max_examples=80)
@given(data=st.data())
def test_any_byte_of_the_index(data: st.DataObject) -> None:
    content = bytearray((WHOLE / "index.arrow").read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    with TemporaryDirectory() as temporary:
        folder = copied(temporary)
        (folder / "index.arrow").write_bytes(content)
        with pytest.raises(DataError, match=r"index\.arrow: is damaged"):
            Store(folder)
        write_sealed(folder / "dataset.json", unsealed(folder))
        said(folder)


def unsealed(folder: Path) -> dict[str, Any]:
    content = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))
    return {name: value for name, value in content.items() if name not in ("digest", "beside")}


@given(
    column=st.sampled_from(["study_id", "patient_id", "split", "labels", "image.length", "image.order", "shard"])
    | st.sampled_from(["offset", "shard_bytes"]),
    value=st.sampled_from([None, -1, 0, 1, 7, 2**31 - 1, 2**62, "", "x", "train", "position", [], [1.0, 0.0], [2.0]]),
    row=st.integers(0, 7),
)
def test_any_cell_of_the_index(column: str, value: Any, row: int) -> None:
    table = pa.ipc.open_file((WHOLE / "index.arrow").read_bytes()).read_all()
    rows = table.to_pylist()
    rows[row][column] = value
    try:
        changed = pa.Table.from_pylist(rows, table.schema)
    except (pa.ArrowException, OverflowError, TypeError):
        return
    with TemporaryDirectory() as place:
        folder = copied(place)
        with pa.ipc.new_file(str(folder / "index.arrow"), table.schema) as writer:
            writer.write_table(changed)
        write_sealed(folder / "dataset.json", unsealed(folder))
        found = said(folder)
        # The index alone says how patients are dealt; a forger may deal them otherwise.
        assert found is None or found[1:] == EXPECTED[1:]


@pytest.mark.parametrize(
    ("column", "value", "line"),
    [
        ("image", [0] * 70, r"holds 70 numbers for \d images of 'image'"),
        ("image.length", 3, r"has 3 images of 'image', 1 by index\.arrow"),
        ("labels", [0.5], r"has other labels than index\.arrow says"),
        ("patient_id", "x", r"is of another patient than index\.arrow says"),
        ("image.slice_labels", [1.0, 0.0], r"holds 2 slice labels for 1 images"),
        ("traits", "[", "its traits cannot be read"),
        ("traits", '{"a": []}', "its traits cannot be read"),
        ("boxes", '[{"modality": "image"}]', "its boxes cannot be read"),
        ("problems", "7", "its problems cannot be read"),
        ("image.order", '{"source": "x"}', "has another order of 'image'"),
        ("image.order", '{"source": "given", "spacing_mm": "x"}', "its spacing_mm is no number"),
    ],
)
def test_a_row_that_is_not_what_the_index_says(tmp_path: Path, column: str, value: Any, line: str) -> None:
    folder = copied(str(tmp_path))
    path = folder / "shard-00000.arrow"
    table = pa.ipc.open_stream(path.read_bytes()).read_all()
    rows = table.to_pylist()
    assert rows[0]["image.length"] == 1
    rows[0][column] = value
    with pa.ipc.new_stream(str(path), table.schema) as writer:
        for row in rows:
            writer.write_batch(pa.RecordBatch.from_pylist([row], table.schema))
    index = pa.ipc.open_file((folder / "index.arrow").read_bytes()).read_all().to_pylist()
    schema = pa.ipc.open_file((folder / "index.arrow").read_bytes()).schema
    for entry in index:
        entry["shard_bytes"] = path.stat().st_size if entry["shard"] == 0 else entry["shard_bytes"]
    with pa.ipc.new_file(str(folder / "index.arrow"), schema) as writer:
        writer.write_table(pa.Table.from_pylist(index, schema))
    write_sealed(folder / "dataset.json", unsealed(folder))
    with pytest.raises(DataError, match=line):
        content_of(folder)


def test_a_shard_that_is_a_link_to_itself(tmp_path: Path) -> None:
    folder = copied(str(tmp_path))
    path = folder / "shard-00000.arrow"
    path.unlink()
    path.symlink_to(path.name)
    with pytest.raises(DataError, match=r"shard-00000\.arrow: cannot be read"):
        _ = Store(folder).splits


def test_splits_that_are_no_file(tmp_path: Path) -> None:
    folder = copied(str(tmp_path))
    (folder / "splits.csv").unlink()
    os.mkfifo(folder / "splits.csv")
    with pytest.raises(DataError, match=r"splits\.csv: is no regular file but a pipe"):
        _ = Store(folder).splits


def test_a_patient_in_two_splits_of_a_forged_index_is_refused(tmp_path: Path) -> None:
    cohort = cohorts.folder_cohort(tmp_path / "raw", studies=8, per_patient=2)
    folder = cohorts.prepared(cohort, tmp_path / "out").folder
    table = pa.ipc.open_file((folder / "index.arrow").read_bytes()).read_all()
    rows = table.to_pylist()
    rows[0]["split"] = "val" if rows[1]["split"] != "val" else "test"
    assert rows[0]["patient_id"] == rows[1]["patient_id"]
    with pa.ipc.new_file(str(folder / "index.arrow"), table.schema) as writer:
        writer.write_table(pa.Table.from_pylist(rows, table.schema))
    write_sealed(folder / "dataset.json", unsealed(folder))
    with pytest.raises(DataError, match="is in 2 splits"):
        _ = Store(folder).splits
