"""Metrics of boxes, by hand and against faster-coco-eval."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mmdx.errors import DataError
from mmdx.stats.sections.boxes.matching import match_boxes
from mmdx.stats.sections.boxes.measures import box_metrics, measure, values_of

SQUARE = (0.0, 0.0, 10.0, 10.0)
SHIFTED = (0.0, 0.0, 10.0, 8.0)
ELSEWHERE = (20.0, 20.0, 30.0, 30.0)
NONE = (np.nan,) * 4


def truth(*rows: tuple[str, int, tuple]) -> pd.DataFrame:
    """One study per patient: study, slice, corners."""
    table = [(study, f"p-{study}", "bleed", place, *corners) for study, place, corners in rows]
    return pd.DataFrame(table, columns=["study_id", "patient_id", "finding", "slice", "x0", "y0", "x1", "y1"])


def found(*rows: tuple[str, int, tuple, float]) -> pd.DataFrame:
    table = [(study, f"p-{study}", "image", "bleed", place, *corners, score) for study, place, corners, score in rows]
    columns = ["study_id", "patient_id", "shown", "finding", "slice", "x0", "y0", "x1", "y1", "score"]
    return pd.DataFrame(table, columns=columns)


def values(guesses: pd.DataFrame, known: pd.DataFrame) -> dict[str, float]:
    return {name: estimate.value for name, estimate in measure(guesses, known, resamples=50)["bleed"].items()}


def test_average_precision_by_hand():
    known = truth(("a", 0, SQUARE), ("b", 0, SQUARE), ("c", 0, NONE))
    # Right, wrong on the slice without a box, right: precision 1 up to recall .5, then 2/3.
    guesses = found(("a", 0, SQUARE, 0.9), ("c", 0, ELSEWHERE, 0.8), ("b", 0, SQUARE, 0.7))
    assert values(guesses, known)["ap50"] == pytest.approx((51 + 50 * 2 / 3) / 101)
    # An overlap of .8 counts at the thresholds .5 to .8, seven of ten.
    single = values(found(("a", 0, SHIFTED, 0.9)), truth(("a", 0, SQUARE)))
    assert (single["ap50"], single["ap"]) == pytest.approx((1.0, 0.7))
    assert single["overlap"] == pytest.approx(0.8)


def test_what_is_found_where_nothing_is_known_is_left_out():
    known = truth(("a", 0, SQUARE))
    guesses = found(("a", 0, SQUARE, 0.5), ("a", 1, ELSEWHERE, 0.9), ("x", 0, ELSEWHERE, 0.9))
    assert values(guesses, known)["ap50"] == 1


def test_a_true_box_is_found_once():
    guesses = found(("a", 0, SQUARE, 0.9), ("a", 0, SQUARE, 0.8))
    result = values(guesses, truth(("a", 0, SQUARE), ("b", 0, SQUARE)))
    assert result["ap50"] == pytest.approx(51 / 101)
    assert result["pointing"] == 0.5


def test_sensitivity_counts_lesions_by_study_and_boxes_by_image():
    # One lesion over two slices in a, one on a slice of b; c has none.
    known = truth(("a", 0, SQUARE), ("a", 1, SQUARE), ("b", 0, SQUARE), ("c", 0, NONE), ("d", 0, NONE))
    guesses = found(
        ("a", 0, SQUARE, 0.9),
        ("c", 0, ELSEWHERE, 0.8),
        ("d", 0, ELSEWHERE, 0.7),
        ("b", 0, SQUARE, 0.6),
    )
    result = values(guesses, known)
    # Both lesions need two false ones in four studies; the one of a is found by its box on one slice.
    assert result["sensitivity_0.5_per_study"] == 1
    assert result["sensitivity_1_per_study"] == 1
    # Up to 0.1 false boxes an image, none of five: the box of a alone, one of three.
    assert result["sensitivity_0.1_per_image"] == pytest.approx(1 / 3)
    assert result["sensitivity_0.5_per_image"] == pytest.approx(2 / 3)


def test_a_threshold_takes_all_of_one_score():
    known = truth(("a", 0, SQUARE), ("c", 0, NONE))
    guesses = found(("a", 0, SQUARE, 0.5), ("c", 0, ELSEWHERE, 0.5))
    assert values(guesses, known)["sensitivity_0.1_per_image"] == 0


def random_boxes(rng: np.random.Generator) -> tuple[float, float, float, float]:
    x, y = rng.uniform(0, 40, 2)
    return (x, y, x + rng.uniform(5, 25), y + rng.uniform(5, 25))


def test_the_resampled_precision_is_that_of_coco():
    rng = np.random.default_rng(0)
    known, guesses = [], []
    for study in range(30):
        real = [random_boxes(rng) for _ in range(study % 3)]
        known += [(f"s{study}", 0, box) for box in real or [NONE]]
        near = [tuple(np.add(box, rng.normal(0, 1.5, 4))) for box in real]
        guesses += [(f"s{study}", 0, box, float(rng.random())) for box in [*near, random_boxes(rng)]]
    known, guesses = truth(*known), found(*guesses)
    facts = match_boxes(guesses, known, {name: index for index, name in enumerate(known["patient_id"].unique())})
    mine = values_of(facts, np.ones((1, 30), dtype=np.int64))["ap50"][0]
    assert 0.2 < mine < 0.95
    assert mine == pytest.approx(facts.coco[0], abs=1e-6)


def test_intervals_are_refused_where_few_patients_have_boxes():
    rows = [(f"s{i}", 0, SQUARE if i < 4 else NONE) for i in range(12)]
    result = measure(found(("s0", 0, SQUARE, 0.9)), truth(*rows), resamples=60)
    refused = result["bleed"]["ap50"]
    assert refused.low is None
    assert refused.refused == "4 patients with a box, and 5 are needed"
    assert result["mean"]["ap50"].low is not None


def test_files_are_read_and_faults_named(tmp_path: Path):
    known, guesses = truth(("a", 0, SQUARE), ("b", 0, NONE)), found(("a", 0, SQUARE, 0.9))
    known.to_csv(tmp_path / "test_boxes_truth.csv", index=False)
    guesses.to_csv(tmp_path / "test_boxes.csv", index=False)
    assert box_metrics(tmp_path / "test_boxes.csv", resamples=50)["image"]["mean"]["ap50"].value == 1
    guesses.assign(score=1.5).to_csv(tmp_path / "test_boxes.csv", index=False)
    with pytest.raises(DataError, match=r"test_boxes.csv: line 2: score is '1.5'; give 0 to 1"):
        box_metrics(tmp_path / "test_boxes.csv")
    guesses.assign(x1=-1).to_csv(tmp_path / "test_boxes.csv", index=False)
    with pytest.raises(DataError, match=r"line 2: corners are 0.0, 0.0, -1, 10.0"):
        box_metrics(tmp_path / "test_boxes.csv")
