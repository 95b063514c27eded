"""An explanation as a value: JSON, rows, pictures, the page."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from mmdx.engine.inference.answers import Refused, Standing
from mmdx.engine.inference.explaining.overlay import overlay_picture
from mmdx.engine.inference.explaining.source_slices import SlicePlace
from mmdx.engine.inference.explanation import ExplainedSlice, Explanation, recorded, save_explanations
from mmdx.errors import UsageError

PLACE = SlicePlace(2, 5, "c.dcm", None, 7, "1.2.3", 12.5)


STANDING = Standing("slices", calibrated=True, thresholds={"a/b": 0.25})


def explanation(number: int = 1, standing: Standing = STANDING) -> Explanation:
    grey = np.zeros((4, 4), np.float32)
    slices = (ExplainedSlice(PLACE, 0.75, grey, grey), ExplainedSlice(SlicePlace(0, 5), 0.5, grey, grey))
    words = {"report": (("fall", 1.0),)}
    return Explanation("s<1>", "ct", {"a/b": slices}, ((0, 0.25), (2, 0.75)), words, number, standing, "ct+report")


def test_json_names_the_slices_and_their_pictures() -> None:
    unknown = dict.fromkeys(("file", "frame", "instance_number", "sop_instance_uid", "position_mm"))
    names = {"file": "c.dcm", "instance_number": 7, "sop_instance_uid": "1.2.3", "position_mm": 12.5}
    assert explanation(3).to_json() == {
        "study_id": "s<1>",
        "modality": "ct",
        "shown": "ct+report",
        "scores_of": "slices",
        "calibrated": True,
        "thresholds": {"a/b": 0.25},
        "findings": {
            "a/b": {
                "slices": [
                    unknown | names | {"number": 3, "slice": 2, "score": 0.75, "picture": "a_b-slice003.png"},
                    unknown | {"number": 1, "slice": 0, "score": 0.5, "picture": "a_b-slice001.png"},
                ]
            }
        },
        "slice_weights": [{"number": 1, "slice": 0, "weight": 0.25}, {"number": 3, "slice": 2, "weight": 0.75}],
        "word_weights": {"report": [{"item": "fall", "weight": 1.0}]},
        "folder": "study-003",
    }


def test_each_study_has_a_folder_of_pictures(tmp_path: Path) -> None:
    save_explanations(iter([explanation(1), explanation(3)]), tmp_path)
    names = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    pictures = {f"study-00{number}/a_b-slice00{place}.png" for number in (1, 3) for place in (1, 3)}
    assert names == pictures | {"explain.json", "explain.html"}
    assert [entry["folder"] for entry in json.loads((tmp_path / "explain.json").read_text())] == [
        "study-001",
        "study-003",
    ]
    page = (tmp_path / "explain.html").read_text()
    assert [name for name in pictures if f'src="{name}"' not in page] == []


def test_what_is_recorded_does_not_wait_for_the_last_study(tmp_path: Path) -> None:
    answers = recorded(iter([Refused("a", "no images"), explanation(2), explanation(3)]), tmp_path)
    next(answers)
    assert list(tmp_path.iterdir()) == []
    next(answers)
    assert [entry["folder"] for entry in json.loads((tmp_path / "explain.json").read_text())] == ["study-002"]
    assert "study-002" in (tmp_path / "explain.html").read_text()


def test_nothing_explained_is_recorded_too(tmp_path: Path) -> None:
    assert len(list(recorded([Refused("a", "no images")], tmp_path))) == 1
    assert json.loads((tmp_path / "explain.json").read_text()) == []


def test_one_row_per_slice() -> None:
    rows = [["s<1>", "a/b", 3, 2, 0.75], ["s<1>", "a/b", 1, 0, 0.5]]
    assert explanation().frame().values.tolist() == rows


def test_a_picture_is_of_the_likeliest_slice_or_of_the_one_that_is_named() -> None:
    assert explanation().overlay("a/b").titles[0] == "ct, slice 3 of 5, InstanceNumber 7, 12.5 mm"
    assert explanation().overlay("a/b", 1).titles[0] == "ct, slice 1 of 5"
    assert explanation().picture("a/b") == overlay_picture(explanation().overlay("a/b"))
    with pytest.raises(UsageError, match="slice 2: is not explained for 'a/b'; those that are: 3, 1"):
        explanation().picture("a/b", 2)
    with pytest.raises(UsageError, match="finding 'c': is not explained"):
        explanation().picture("c")


def test_a_score_is_a_probability_only_where_it_is_calibrated() -> None:
    known, unknown = explanation(), explanation(standing=Standing("studies", prevalence={"a/b": 0.5}))
    assert known.overlay("a/b").name == "a/b: probability 0.75"
    assert unknown.overlay("a/b").name == "a/b: score 0.75"
    html = unknown._repr_html_()
    assert "<th>likeliest slices (score)</th><th>prevalence</th>" in html
    assert "scores are not calibrated" in html
    assert "prevalence: among training studies" in html
    assert "probability" not in html


def test_a_notebook_shows_a_table_and_the_likeliest_slice() -> None:
    html = explanation()._repr_html_()
    assert "<th>likeliest slices (probability)</th><th>threshold</th>" in html
    assert ">a/b</td><td>3 (0.75), 1 (0.50)</td><td>0.250</td>" in html
    assert "s&lt;1&gt;" in html
    assert html.count("data:image/png;base64,") == 1
