"""Images lie in a store as one array of pixels."""

from __future__ import annotations

import json
from pathlib import Path

import cohorts
import numpy as np
import pyarrow as pa
from raw_dicom import file_bytes, slice_elements
from raw_studies import images, study, written

from mmdx.data.images.modality import images_in
from mmdx.data.store.kinds import STORED, ModalityFacts
from mmdx.data.store.kinds.base import Slot
from mmdx.study import ImageFiles, Order, Study


def test_pixels_are_one_contiguous_array_of_their_own_type(tmp_path: Path) -> None:
    png = cohorts.write_png(tmp_path / "a.png", 9)
    written(tmp_path / "s.arrow", [study("a", {"photo": images(png)})])
    with pa.memory_map(str(tmp_path / "s.arrow")) as file:
        assert pa.ipc.open_stream(file).schema.field("photo").type == pa.large_list(pa.uint8())


def test_hounsfield_units_take_two_bytes_a_pixel() -> None:
    two, facts = images(Path("a"), Path("b"), unit="HU"), ModalityFacts("images", "HU")
    assert STORED["images"].item(facts, 8) == ((1, 8, 8), np.dtype("int16"))
    assert STORED["images"].stored_bytes(two, facts, 8) == 2 * 8 * 8 * 2


def test_no_images_and_an_order_beyond_them_are_problems() -> None:
    assert STORED["images"].problems("ct", images()) == [
        "modality 'ct' has no images; leave it out where there are none"
    ]
    one = ImageFiles(images(Path("a")).images, Order("given", gaps=(1,)))
    assert STORED["images"].problems("ct", one) == ["the order of 'ct' points at image 1, of 1; count from 0"]


def test_the_certificate_in_a_store_says_how_images_lie_and_how_large_a_pixel_is(tmp_path: Path) -> None:
    elements = slice_elements(1) | {"ImageOrientationPatient": ("DS", b"1\\0\\0\\0\\-1\\0")}
    (tmp_path / "a.dcm").write_bytes(file_bytes(elements | {"PixelSpacing": ("DS", b"2\\1 ")}))
    files, _ = images_in(tmp_path, tmp_path)
    cells = STORED["images"].encode(Study("s", "p", {"ct": files}), Slot("ct", STORED["images"].facts(files), 16, ()))
    order = json.loads(cells.columns["ct.order"])
    assert (order["axes"], order["pixel_mm"]) == ("LA", [0.5])  # 4 rows of 2 mm in 16 stored pixels
