"""Predictions in the terminal."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from mmdx.engine.inference.prediction import Prediction, Predictions
from mmdx.errors import DataError
from mmdx.terminal.predictions import show_predictions

STUDY = {
    "study_id": "s[1]",
    "patient_id": "p1",
    "shown": "image",
    "missing": ("report",),
    "images": {"image": 2},
    "order_source": {"image": "filename"},
    "problems": ("a slice is missing",),
    "reports_without": "section 'impression'",
}


def printed(predictions: Predictions) -> str:
    output = StringIO()
    show_predictions(predictions, Console(file=output, width=100))
    return output.getvalue()


def test_a_study_with_everything_that_it_lacks():
    lesion = {"finding": "bleed", "first": 2, "last": 4, "score": 0.5, "width_mm": 12.345, "height_mm": 8.0}
    prediction = Prediction(
        **STUDY, findings={"bleed": 0.25}, lesions=(lesion,), description="no fall", described_from=("image",)
    )
    text = printed(Predictions([prediction]))
    assert text.splitlines()[0] == "s[1]  (shown: image)"
    assert "0.250" in text
    assert text.splitlines()[-6:] == [
        "bleed: slices 2-4, score 0.500, 12.3 x 8 mm at its widest",
        "description, from image: no fall",
        "without report: answered from image alone",
        "image: 2 images, order from filename",
        "reports are read without section 'impression'",
        "problem: a slice is missing",
    ]


def test_a_model_of_slices_alone_shows_the_likeliest():
    text = printed(Predictions([Prediction(**STUDY, slices={"bleed": (0.5, 0.75)}, slice_numbers=(0, 3))]))
    (row,) = [line for line in text.splitlines() if "bleed" in line]
    assert [cell.strip() for cell in row.strip("│").split("│")] == ["bleed", "3", "0.750"]


def test_a_score_is_a_probability_only_where_it_is_calibrated_and_stands_beside_its_threshold():
    known = {"thresholds": {"bleed": 0.125}, "prevalence": {"bleed": 0.5, "edema": 0.1}}
    findings = {"bleed": 0.25, "edema": 0.75}
    text = printed(Predictions([Prediction(**STUDY, findings=findings, calibrated=True, **known)]))
    rows = [[cell.strip() for cell in line.strip("│┃").replace("┃", "│").split("│")] for line in text.splitlines()]
    assert ["finding", "probability", "threshold", "prevalence"] in rows
    assert ["bleed", "0.250", "0.125", "0.500"] in rows
    assert ["edema", "0.750", "–", "0.100"] in rows
    assert "threshold: a probability at or above it is a yes (Youden's J on validation studies)" in text
    assert "not calibrated" not in text
    text = printed(Predictions([Prediction(**STUDY, findings=findings, **known)]))
    assert "scores are not calibrated: they rank, and are no probabilities" in text
    assert "│ probability" not in text


def test_one_image_is_one_image():
    one = {**STUDY, "images": {"image": 1}}
    assert "image: 1 image, order from filename" in printed(Predictions([Prediction(**one, findings={"bleed": 0.5})]))


def test_refused_studies_are_an_error_after_the_others():
    with pytest.raises(DataError, match="refused: s2: no images"):
        printed(Predictions([Prediction(**STUDY)], ["refused: s2: no images"]))


def test_an_ensemble_shows_its_spread_in_80_columns_and_who_wrote_the_text():
    finding = "intraparenchymal haemorrhage"
    prediction = Prediction(
        **STUDY,
        slices={finding: (0.5, 0.75)},
        slice_numbers=(0, 3),
        slice_spread={finding: (0.01, 0.125)},
        members=5,
        description="no fall",
        described_from=("image",),
    )
    output = StringIO()
    show_predictions(Predictions([prediction]), Console(file=output, width=80))
    (row,) = [line for line in output.getvalue().splitlines() if finding in line]
    assert [cell.strip() for cell in row.strip("│").split("│")] == [finding, "3", "0.750", "0.125"]
    assert "spread of 5" in output.getvalue()
    assert "description of the first of 5 models, from image: no fall" in output.getvalue()
