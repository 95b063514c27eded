"""An explanation as a value: JSON, rows, pictures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from mmdx.engine.inference.explanation import ExplainedSlice, Explanation, save_explanations
from mmdx.errors import UsageError


def explanation(number: int = 1) -> Explanation:
    grey = np.zeros((4, 4), np.float32)
    slices = tuple(ExplainedSlice(place, score, grey, grey) for place, score in ((2, 0.75), (0, 0.5)))
    return Explanation("s<1>", "ct", {"a/b": slices}, ((0, 0.25), (2, 0.75)), {"report": (("fall", 1.0),)}, number)


def test_json_names_the_pictures() -> None:
    assert explanation(3).to_json() == {
        "study_id": "s<1>",
        "modality": "ct",
        "findings": {
            "a/b": {
                "slices": [
                    {"slice": 2, "probability": 0.75, "picture": "a_b-slice002.png"},
                    {"slice": 0, "probability": 0.5, "picture": "a_b-slice000.png"},
                ]
            }
        },
        "slice_weights": [{"item": 0, "weight": 0.25}, {"item": 2, "weight": 0.75}],
        "word_weights": {"report": [{"item": "fall", "weight": 1.0}]},
        "folder": "study-003",
    }


def test_each_study_has_a_folder_of_pictures(tmp_path: Path) -> None:
    save_explanations(iter([explanation(1), explanation(3)]), tmp_path)
    names = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    pictures = {f"study-00{number}/a_b-slice00{place}.png" for number in (1, 3) for place in (0, 2)}
    assert names == pictures | {"explain.json"}
    assert [entry["folder"] for entry in json.loads((tmp_path / "explain.json").read_text())] == [
        "study-001",
        "study-003",
    ]


def test_one_row_per_slice() -> None:
    rows = [["s<1>", "a/b", 2, 0.75], ["s<1>", "a/b", 0, 0.5]]
    assert explanation().frame().values.tolist() == rows


def test_a_figure_is_of_the_likeliest_slice_or_of_the_one_that_is_named() -> None:
    assert explanation().figure("a/b").axes[0].get_title() == "ct, slice 2"
    assert explanation().figure("a/b", 0).axes[0].get_title() == "ct, slice 0"
    with pytest.raises(UsageError, match="slice 1: is not explained for 'a/b'; those that are: 2, 0"):
        explanation().figure("a/b", 1)
    with pytest.raises(UsageError, match="finding 'c': is not explained"):
        explanation().figure("c")


def test_a_notebook_shows_a_table_and_the_likeliest_slice() -> None:
    html = explanation()._repr_html_()
    assert "<td>a/b</td><td>2 (0.75), 0 (0.50)</td>" in html
    assert "s&lt;1&gt;" in html
    assert html.count("data:image/png;base64,") == 1
