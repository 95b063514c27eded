"""A prediction as a value: JSON, rows, files, and what a notebook shows."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from mmdx.engine.inference.prediction import Prediction, Predictions
from mmdx.errors import DataError, MmdxError
from mmdx.stats.cohort.predictions import read_predictions

BASE = {
    "study_id": "s1",
    "patient_id": "p1",
    "shown": "image",
    "missing": ("report",),
    "images": {"image": 2},
    "order_source": {"image": "filename"},
    "problems": (),
    "reports_without": "",
}


def test_json_has_a_key_for_each_answer_alone() -> None:
    prediction = Prediction(**BASE, findings={"bleed": 0.25})
    assert prediction.to_json() == {
        "study_id": "s1",
        "patient_id": "p1",
        "shown": "image",
        "missing": ["report"],
        "images": {"image": 2},
        "order_source": {"image": "filename"},
        "problems": [],
        "reports_without": "",
        "findings": {"bleed": 0.25},
        "calibrated": False,
    }
    other = Prediction(**BASE, slices={"bleed": (0.5, 0.75)}, slice_numbers=(0, 3), boxes=())
    added = {"slices": {"bleed": [0.5, 0.75]}, "slice_numbers": [0, 3], "calibrated": False}
    added |= {"boxes": [], "lesions": []}
    assert {key: value for key, value in other.to_json().items() if key not in BASE} == added


def test_what_scores_are_read_against_stands_beside_them() -> None:
    known = {"calibrated": True, "thresholds": {"bleed": 0.125}, "prevalence": {"bleed": 0.5}}
    prediction = Prediction(**BASE, findings={"bleed": 0.25, "edema": 0.75}, **known)
    assert {key: prediction.to_json()[key] for key in known} == known
    html = prediction._repr_html_()
    assert "<th>probability</th><th>threshold</th><th>prevalence</th>" in html
    assert "<td>0.250</td><td>0.125</td><td>0.500</td>" in html
    assert "<td>0.750</td><td>–</td><td>–</td>" in html
    plain = Prediction(**BASE, findings={"bleed": 0.25})._repr_html_()
    assert "<th>score</th>" in plain
    assert "scores are not calibrated" in plain
    assert "probability" not in plain


@pytest.mark.parametrize(
    "answer",
    [
        {"findings": {"bleed": float("nan")}},
        {"slices": {"bleed": (0.5, float("inf"))}, "slice_numbers": (0, 1)},
        {"boxes": ({"finding": "bleed", "slice": 0, "score": float("nan")},)},
    ],
)
def test_an_answer_that_is_not_a_number_is_refused(answer) -> None:
    with pytest.raises(DataError, match="the model's answer is not a number"):
        Prediction(**BASE, **answer)


def test_files_hold_one_row_per_finding(tmp_path: Path) -> None:
    predictions = Predictions([Prediction(**BASE, findings={"bleed": 1 / 3, "a, b": 1.0})])
    predictions.save(tmp_path)
    assert (tmp_path / "predictions.csv").read_text() == (
        'study_id,patient_id,shown,finding,label,score\ns1,p1,image,bleed,,0.3333333\ns1,p1,image,"a, b",,1\n'
    )
    assert json.loads((tmp_path / "predictions.json").read_text()) == [predictions[0].to_json()]
    assert predictions.frame()["label"].isna().all()


def test_a_name_that_a_spreadsheet_would_run_stays_text(tmp_path: Path) -> None:
    Predictions([Prediction(**BASE | {"study_id": "=1+1"}, findings={"+ve margin": 0.5})]).save(tmp_path)
    row = (tmp_path / "predictions.csv").read_text().splitlines()[1]
    assert row.startswith("'=1+1,p1,image,'+ve margin,")
    again = read_predictions(tmp_path / "predictions.csv")
    assert again[["study_id", "finding"]].to_numpy().tolist() == [["=1+1", "+ve margin"]]


def test_rows_are_of_slices_where_the_model_answers_for_nothing_else() -> None:
    frame = Prediction(**BASE, slices={"bleed": (0.5, 0.75)}, slice_numbers=(0, 3)).frame()
    assert list(frame.columns) == ["study_id", "patient_id", "shown", "finding", "label", "score", "slice"]
    assert frame[["score", "slice"]].values.tolist() == [[0.5, 0], [0.75, 3]]


def test_the_likeliest_slice_is_named_by_its_number() -> None:
    assert Prediction(**BASE, slices={"bleed": (0.5, 0.75, 0.75)}, slice_numbers=(0, 3, 4)).likeliest("bleed") == (
        3,
        0.75,
    )


def test_a_notebook_shows_escaped_text() -> None:
    html = Prediction(**{**BASE, "study_id": "<b>s</b>"}, findings={"a<b": 0.25})._repr_html_()
    assert "&lt;b&gt;s&lt;/b&gt;" in html
    assert ">a&lt;b</td><td>0.250</td>" in html
    assert "without report: answered from image alone" in html
    assert "image: 2 images, order from filename" in html


def test_refused_studies_are_kept_by_name() -> None:
    predictions = Predictions([Prediction(**BASE, findings={"bleed": 0.5})], ["refused: s2: <broken>"])
    assert (len(predictions), predictions.refused) == (1, ("refused: s2: <broken>",))
    assert "<p>refused: s2: &lt;broken&gt;</p>" in predictions._repr_html_()
    predictions.check()
    with pytest.raises(DataError, match="refused: s2: <broken>"):
        Predictions([], ["refused: s2: <broken>"]).check()


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(MmdxError, match="taken: cannot be written"):
        Prediction(**BASE, findings={"bleed": 0.5}).save(tmp_path / "taken")


def test_no_prediction_has_no_rows() -> None:
    assert isinstance(Predictions([]).frame(), pd.DataFrame)
    assert Predictions([]).frame().empty


def test_labels_that_came_with_a_study_stand_in_its_rows() -> None:
    prediction = Prediction(**BASE, findings={"bleed": 0.25, "edema": 0.5}, labels={"bleed": 1.0})
    assert prediction.to_json()["labels"] == {"bleed": 1.0}
    labels = prediction.frame()["label"]
    assert labels[0] == 1
    assert pd.isna(labels[1])
    known = {"bleed": (0.0, 0.0, 0.0, 1.0)}
    slices = Prediction(**BASE, slices={"bleed": (0.5, 0.75)}, slice_numbers=(0, 3), slice_labels=known)
    assert slices.frame()["label"].tolist() == [0, 1]
