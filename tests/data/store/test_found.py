"""Studies that were found answer as a store of them would."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mmdx.data.store.found import FoundStore
from mmdx.data.store.layout import layout_of
from mmdx.data.store.prepare import deal_studies
from mmdx.schema import SplitOptions
from mmdx.study import UNKNOWN, ImageFiles, ImageRef, Order, Study


def study(number: int, images: int) -> Study:
    files = ImageFiles(tuple(ImageRef(Path(f"{i}.png")) for i in range(images)), Order("given"))
    labels = {"bleed": float(number % 2)} | ({"fracture": UNKNOWN} if number else {})
    slices = {"image": {"bleed": tuple(float(i == 0) for i in range(images))}} if number else {}
    modalities = {"image": files} if images else {"report": "Fell."}
    return Study(f"s{number}", f"p{number}", modalities, labels, slices, traits={"age": 40.0})


def test_labels_lengths_texts_and_slices() -> None:
    studies = [study(number, images) for number, images in enumerate((0, 2, 3, 1, 2, 1))]
    layout = layout_of(studies, size=8)
    store = FoundStore(studies, layout, deal_studies(studies, layout, SplitOptions(val=0.2, test=0.2)), Path("raw"))
    assert len(store) == len(store.splits) == 6
    assert store.findings == ("bleed", "fracture")
    np.testing.assert_array_equal(store.labels[:2], [[0, np.nan], [1, np.nan]])
    assert store.lengths("image").tolist() == [0, 2, 3, 1, 2, 1]
    assert store.lengths("report").tolist() == [0] * 6
    assert (store.read(0).text("report"), store.read(1).text("report")) == ("Fell.", None)
    np.testing.assert_array_equal(store.read(2).slice_labels("image"), [[1, np.nan], [0, np.nan], [0, np.nan]])
    assert store.read(0).slice_labels("image").shape == (0, 2)
    assert store.read(0).traits() == {"age": 40.0}
    assert not store.describers_learned
