"""The index says what is small about each study, and where its row lies."""

from __future__ import annotations

from pathlib import Path

import cohorts
import numpy as np
import pytest
from raw_studies import images, study, written

from mmdx.data.splits.splits import Splits
from mmdx.data.store.index import Index, gather_index, write_index
from mmdx.data.store.layout import Layout, layout_of
from mmdx.errors import DataError


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """The layout of one shard and its index: of two studies, one has two images, one has none."""
    png = cohorts.write_png(tmp_path / "a.png", 9)
    studies = [study("a", {"photo": images(png, png)}, labels={"bleed": 1.0}), study("b")]
    layout = layout_of(studies, size=8)
    written(tmp_path / "shard-00000.arrow", studies)
    splits = Splits(("train", "test"), ("patient of a", "patient of b"))
    write_index(tmp_path, gather_index(tmp_path, 1, layout), splits, layout)
    return layout


def test_an_index_has_lengths_orders_labels_and_splits(layout: Layout, tmp_path: Path) -> None:
    index = Index(tmp_path, layout, 2, 1)
    assert index.texts("study_id") == ["a", "b"]
    assert np.array_equal(index.labels, [[1], [np.nan]], equal_nan=True)
    assert index.of_modalities() == {"photo.length": [2, 0], "photo.order": ["given", None]}
    assert index.splits().counts() == {"train": 1, "val": 0, "test": 1}
    assert index.shards() == {0: (tmp_path / "shard-00000.arrow").stat().st_size}
    assert index.place(0)[1] < index.place(1)[1] < index.place(1)[2]


def test_an_index_of_other_studies_or_columns_is_refused(layout: Layout, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="its index holds 2 studies, not 3; remove the folder"):
        Index(tmp_path, layout, 3, 1)
    with pytest.raises(DataError, match=r"its columns are not those of dataset\.json"):
        Index(tmp_path, Layout({}, layout.findings, 8), 2, 1)
