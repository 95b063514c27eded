"""One row per study: what a reader found goes in, and a study that cannot be read is named."""

from __future__ import annotations

import json
import math
import tracemalloc
from pathlib import Path
from typing import Any

import cohorts
import datasets
import numpy as np
import pyarrow as pa
import pytest
from raw_studies import images, study, written

from mmdx.data.images.decode import Decoded, decode
from mmdx.data.store.kinds import ModalityFacts
from mmdx.data.store.layout import Layout, layout_of, stored_bytes
from mmdx.data.store.shards import is_written, quarantine_of, write_shard
from mmdx.errors import DataError
from mmdx.study import Box, ImageFiles


def test_a_row_holds_what_the_study_had(tmp_path: Path) -> None:
    png = cohorts.write_png(tmp_path / "a.png", 200, side=4)
    given = study(
        "a",
        {"photo": images(png, png), "report": "Fell."},
        labels={"bleed": 1.0, "mass": math.nan},
        slice_labels={"photo": {"mass": (0.0, 1.0)}},
        boxes=(Box("photo", 1, "bleed", 0.0, 1.0, 2.0, 4.0),),
        split="val",
        traits={"age": 61.0, "sex": "F"},
        problems=("left out b.png",),
    )
    (row,), quarantine = written(tmp_path / "s.arrow", [given])
    assert quarantine == []
    assert (row["study_id"], row["patient_id"], row["split"], row["report"]) == ("a", "patient of a", "val", "Fell.")
    assert row["labels"][0] == 1
    assert math.isnan(row["labels"][1])
    assert row["photo.length"] == 2
    assert set(row["photo"]) == {200}
    assert len(row["photo"]) == 2 * 8 * 8
    assert np.array_equal(row["photo.slice_labels"], [math.nan, 0, math.nan, 1], equal_nan=True)
    assert json.loads(row["photo.order"]) == {
        "source": "given",
        "spacing_mm": None,
        "gaps": [],
        "duplicates": [],
        "agrees": None,
        "axes": "",
        "pixel_mm": [],
    }
    box = {"modality": "photo", "image": 1, "finding": "bleed", "x0": 0, "y0": 2, "x1": 4, "y1": 8}
    assert json.loads(row["boxes"]) == [box]
    assert json.loads(row["traits"]) == {"age": 61.0, "sex": "F"}
    flat = "'photo': 2 of 2 images are one grey everywhere (image 0, 1, from 0)"
    assert json.loads(row["problems"]) == ["left out b.png", flat]


def test_what_a_study_lacks_is_empty_and_not_zero(tmp_path: Path) -> None:
    png = cohorts.write_png(tmp_path / "a.png", 9)
    studies = [study("a", {"photo": images(png)}, labels={"bleed": 0.0}), study("b", {"report": "Fell."})]
    (first, second), _ = written(tmp_path / "s.arrow", studies)
    assert first["report"] is None
    assert (second["photo"], second["photo.length"], second["photo.order"]) == ([], 0, None)
    assert second["photo.slice_labels"] == first["photo.slice_labels"] == []
    assert math.isnan(second["labels"][0])


def test_what_cannot_be_read_is_quarantined_with_its_reason_and_the_rest_is_kept(tmp_path: Path) -> None:
    png = cohorts.write_png(tmp_path / "deep" / "b.png", 9)
    png.write_bytes(png.read_bytes()[:40])
    studies = [
        study("a"),
        study("b", {"photo": images(png)}),
        study("c", {}, problems=("no images", "no report")),
        study("d", {"report": "half a character: \ud800"}),
        study("e"),
    ]
    rows, quarantine = written(tmp_path / "s.arrow", studies)
    assert [row["study_id"] for row in rows] == ["a", "e"]
    reasons = {row["study_id"]: row["reason"] for row in quarantine}
    assert list(reasons) == ["b", "c", "d"]
    assert reasons["b"].startswith("deep/b.png: ")
    assert reasons["c"] == "no images · no report"
    assert reasons["d"].startswith("holds text that is not Unicode")
    assert quarantine_of(tmp_path / "s.arrow") == quarantine
    assert is_written(tmp_path / "s.arrow", [s.study_id for s in studies])
    assert not is_written(tmp_path / "s.arrow", [s.study_id for s in studies[:-1]])
    assert not is_written(tmp_path / "t.arrow", [s.study_id for s in studies])


@pytest.mark.parametrize(
    ("odd", "what"), [("a text", "text"), (images(Path("b"), unit="HU"), "images in Hounsfield units")]
)
def test_one_name_for_two_things_refuses_the_odd_study_alone(tmp_path: Path, odd: ImageFiles | str, what: str) -> None:
    png = cohorts.write_png(tmp_path / "a.png", 9)
    studies = [study("odd", {"x": odd}), study("a", {"x": images(png)}), study("b", {"x": images(png)})]
    rows, (refused,) = written(tmp_path / "s.arrow", studies)
    assert [row["study_id"] for row in rows] == ["a", "b"]
    reason = f"'x' holds {what} here, but images of plain intensities in the store; give it another name"
    assert refused == {"study_id": "odd", "reason": reason}


def test_images_among_texts_are_refused(tmp_path: Path) -> None:
    png = cohorts.write_png(tmp_path / "a.png", 9)
    rows, (refused,) = written(tmp_path / "s.arrow", [study("a"), study("odd", {"report": images(png)}), study("b")])
    assert [row["report"] for row in rows] == ["Fell.", "Fell."]
    assert refused["reason"].startswith("'report' holds images of plain intensities here, but text in the store")


def test_a_shard_of_refused_studies_alone_is_whole(tmp_path: Path) -> None:
    lost = study("a", {}, problems=("gone",))
    layout = layout_of([lost, study("b")], size=8)
    write_shard(tmp_path / "s.arrow", [lost], layout, root=tmp_path)
    empty = datasets.Dataset.from_file(str(tmp_path / "s.arrow"))
    assert len(empty) == 0
    assert empty.features == layout.features()


@pytest.mark.parametrize("what", [KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_a_shard_that_is_interrupted_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: BaseException
) -> None:
    def stop(*_: object) -> None:
        raise what

    layout = Layout({"photo": ModalityFacts("images")}, (), 8)
    monkeypatch.setattr("mmdx.data.store.kinds.images.decode", stop)
    png = cohorts.write_png(tmp_path / "a.png", 9)
    with pytest.raises(type(what)):
        write_shard(tmp_path / "s.arrow", [study("a", {"photo": images(png)})], layout, root=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_an_account_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    written(tmp_path / "s.arrow", [study("a")])
    (tmp_path / "s.json").write_text("[]", encoding="utf-8")
    with pytest.raises(DataError, match=r"s.json: cannot be read \(.*\); remove .*s.arrow and prepare again"):
        quarantine_of(tmp_path / "s.arrow")


def test_one_study_is_held_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    side, count = 64, 64
    png = cohorts.write_png(tmp_path / "a.png", 9, side=side)
    studies = [study(f"{i}", {"photo": images(*[png] * count)}) for i in range(6)]
    layout, held = layout_of(studies, size=side), []
    assert stored_bytes(studies[0], layout) == side * side * count

    def counted(*arguments: Any) -> Decoded:
        held.append(pa.total_allocated_bytes())
        return decode(*arguments)

    monkeypatch.setattr("mmdx.data.store.kinds.images.decode", counted)
    tracemalloc.start()
    write_shard(tmp_path / "s.arrow", studies, layout, root=tmp_path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # A study decoded takes its pixels three times over at most; six of them would be 18 times.
    assert peak < 4 * side * side * count
    assert len(held) == 6
    assert max(held) - held[0] < side * side * count
