"""A store that an earlier version prepared (format 4): four studies of `tests/fixtures/format_4/store`."""

from pathlib import Path

import numpy as np

from mmdx.data.store.store import Store

FIXTURE = Path(__file__).parents[2] / "fixtures" / "format_4"


def test_what_an_earlier_version_stored_is_read_unchanged():
    store = Store(FIXTURE / "store")
    assert store.study_ids == ["s0", "s1", "s2", "s3"]
    assert list(store.splits) == ["val", "train", "train", "test"]
    assert store.labels.tolist() == [[0], [1], [0], [1]]
    assert store.lengths("image").tolist() == [1, 2, 1, 2]
    assert [store.order_source(row, "image") for row in range(4)] == ["given"] * 4
    assert store.read(1).text("report") == "history of a fall and 1 pills"
    assert store.read(3).text("report") is None
    assert store.read(2).traits() == {"age": 42}
    with np.load(FIXTURE / "arrays.npz") as arrays:
        for row in range(4):
            pixels = store.read(row).pixels("image")
            assert pixels.dtype == np.uint8
            assert np.array_equal(pixels, arrays[f"{row}.image"])
