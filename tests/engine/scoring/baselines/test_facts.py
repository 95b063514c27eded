"""The shape of the source and the traits of a study tell where they do."""

from __future__ import annotations

from pathlib import Path

import cohorts
import numpy as np
from grounds import ground
from PIL import Image

from mmdx.config_file import parse_config
from mmdx.engine.scoring.baselines.files import study_baselines
from mmdx.engine.scoring.baselines.inputs import BaselineInputs


def test_the_shape_of_the_source_tells(tmp_path: Path):
    """Upright images bleed, wide ones do not; no report has a word that stands in two; the one fracture is in test."""
    rows = []
    for i in range(24):
        shape = (16, 8) if i % 2 else (8, 16)
        place = tmp_path / "raw" / f"{i}.png"
        place.parent.mkdir(exist_ok=True)
        Image.fromarray(np.full(shape, 90, dtype=np.uint8)).save(place)
        row = {"study_id": f"s{i:02d}", "patient_id": f"p{i:02d}", "file_name": place.name, "report": f"word{i}"}
        rows.append(row | {"bleed": i % 2, "fracture": int(i == 23), "split": "train" if i < 16 else "test"})
    store = cohorts.prepared(cohorts.write_table(tmp_path / "raw", rows), tmp_path / "store", size=16)
    asked = store.splits.rows("test")
    found, said = study_baselines(ground(store, "bleed", "fracture"), asked)
    assert said == [
        "baseline 'metadata' left out: nothing varies over the training studies",
        "baseline 'TF-IDF report' left out: no word stands in 2 training texts",
    ]
    assert list(found) == ["constant", "image shape"]
    assert ((found["image shape"][:, 0] > 0.5) == (store.labels[asked, 0] == 1)).all()
    assert set(found["image shape"][:, 1]) == {0.0}  # no fracture among the training studies


def test_traits_are_read_as_words_and_as_numbers(tmp_path: Path):
    """The site tells the finding; where it is unknown nothing does. Age is missing from every third study."""
    rows = []
    for i in range(40):
        cohorts.write_png(tmp_path / "raw" / f"{i}.png", 50)
        row = {"study_id": f"s{i:02d}", "patient_id": f"p{i:02d}", "file_name": f"{i}.png", "bleed": i % 2}
        site = "" if i % 10 > 7 else "north" if i % 2 else "south"
        rows.append(
            row | {"site": site, "age": "" if i % 3 == 0 else 40 + i, "split": "test" if i // 2 % 2 else "train"}
        )
    store = cohorts.prepared(cohorts.write_table(tmp_path / "raw", rows), tmp_path / "store")
    asked = [row for row, name in enumerate(store.splits) if name == "test" and "site" in store.read(row).traits()]
    raw = {"data": {"store": str(store.folder)}, "model": {"inputs": {"image": "timm"}}}
    found, _ = study_baselines(BaselineInputs(parse_config(raw, "test"), store, store.splits, ["bleed"]), asked)
    assert ((found["metadata"][:, 0] > 0.5) == (store.labels[asked, 0] == 1)).all()
