"""Image columns of Arrow and Parquet files, read forward and from anywhere."""

from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from mmdx.data.images import columns
from mmdx.data.images.columns import batches, encoded, holds_images, images_of, schema
from mmdx.data.images.decode import decode, probe_encoded
from mmdx.errors import DataError
from mmdx.study import ImageFiles, ImageRef, Order

IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def png(value: int, mode: str = "L") -> bytes:
    file = io.BytesIO()
    Image.new(mode, (4, 4), value).save(file, "PNG")
    return file.getvalue()


def write(path, table: pa.Table):
    """As the suffix says; `.file.arrow` is Arrow's file format, `.arrow` the stream that `datasets` writes."""
    if path.suffix == ".parquet":
        pq.write_table(table, path, row_group_size=7)
        return path
    new = pa.ipc.new_file if path.name.endswith(".file.arrow") else pa.ipc.new_stream
    with pa.OSFile(str(path), "wb") as sink, new(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=5)
    return path


@pytest.fixture(params=["a.parquet", "a.arrow", "a.file.arrow"])
def path(request, tmp_path):
    rows = range(40)
    table = pa.table(
        {
            "image": pa.array([{"bytes": png(k), "path": None} for k in rows], IMAGE),
            "raw": pa.array([png(100 + k) for k in rows], pa.binary()),
            "several": pa.array([[{"bytes": png(k), "path": None}] * (k % 3) for k in rows], pa.list_(IMAGE)),
            "note": [f"n{k}" for k in rows],
        }
    )
    return write(tmp_path / request.param, table)


def value(path, key: str, row: int) -> int:
    files = ImageFiles((ImageRef(path, row, key),), Order("given"))
    return int(decode(files, 4).pixels[0, 0, 0, 0])


def test_rows_come_from_anywhere(path):
    assert [value(path, "image", row) for row in (0, 39, 17, 18, 3)] == [0, 39, 17, 18, 3]
    assert value(path, "raw", 20) == 120
    assert value(path, "several[1]", 20) == 20


def test_columns_and_rows_in_their_order(path):
    assert schema(path).names == ["image", "raw", "several", "note"]
    notes = [note for batch in batches(path, ["note"]) for note in batch.column("note").to_pylist()]
    assert notes == [f"n{k}" for k in range(40)]


def test_ascending_rows_start_a_column_once(path, monkeypatch):
    started = []
    real = columns.batches
    monkeypatch.setattr(columns, "batches", lambda *place: started.append(place) or real(*place))
    columns._cursor.cache_clear()
    for row in range(40):
        encoded(path, "image", row)
        encoded(path, "raw", row)
    assert len(started) == 2


@pytest.mark.parametrize(
    ("key", "row", "said"),
    [
        ("image", 40, "no row 40; it has 40, counted from 0"),
        ("imag", 0, r"row 0 \(from 0\), column 'imag': there is no such column any more"),
        ("several[2]", 2, "holds no image 2 any more"),
        ("note", 0, "holds no image 0 any more"),
    ],
)
def test_what_is_not_there_is_named(path, key, row, said):
    with pytest.raises(DataError, match=said):
        encoded(path, key, row)


def test_a_column_may_be_called_like_an_item_of_another(tmp_path):
    table = pa.table({"image[0]": pa.array([png(9)]), "image": pa.array([[png(1)]], pa.list_(pa.binary()))})
    path = write(tmp_path / "a.parquet", table)
    assert value(path, "image[0]", 0) == 9


def test_images_of_a_cell():
    cell = pa.scalar([{"bytes": b"x", "path": "a.png"}, {"bytes": None, "path": "b.png"}], pa.list_(IMAGE))
    assert images_of(cell, "here") == [
        (b"x", "a.png"),
        (None, "b.png"),
    ]
    assert images_of(pa.scalar(None, IMAGE), "here") == []
    assert images_of(pa.scalar("a.png"), "here") == [(None, "a.png")]
    with pytest.raises(DataError, match="here: holds int64, no image"):
        images_of(pa.scalar(3), "here")
    for empty in (pa.scalar({"bytes": None, "path": None}, IMAGE), pa.scalar([None], pa.list_(IMAGE)), pa.scalar("")):
        with pytest.raises(DataError, match="here: is empty"):
            images_of(empty, "here")


def test_only_structs_of_bytes_and_path_say_that_they_are_images():
    assert holds_images(IMAGE)
    assert holds_images(pa.list_(IMAGE))
    assert not holds_images(pa.binary())
    assert not holds_images(pa.string())


def test_encoded_images_are_probed_by_their_header():
    assert probe_encoded(png(7), "here") == (1, False)
    assert probe_encoded(png(7, "RGB"), "here") == (3, False)
    with pytest.raises(DataError, match="here: neither DICOM nor an image"):
        probe_encoded(b"nonsense", "here")
    pages = io.BytesIO()
    frames = [Image.fromarray(np.full((4, 4), k, np.uint8)) for k in (1, 2)]
    frames[0].save(pages, "TIFF", save_all=True, append_images=frames[1:])
    with pytest.raises(DataError, match="here: an image of 2 pages"):
        probe_encoded(pages.getvalue(), "here")


@pytest.mark.parametrize("name", ["a.parquet", "a.arrow"])
@pytest.mark.parametrize("content", [b"", b"nonsense that is longer than a magic number"])
def test_files_of_another_kind_are_one_line(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=rf"{name}: cannot be read as .+: .+") as caught:
        schema(tmp_path / name)
    assert "\n" not in str(caught.value)
    with pytest.raises(DataError, match="no such file"):
        schema(tmp_path / f"none-{name}")
